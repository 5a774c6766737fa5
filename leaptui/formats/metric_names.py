"""Which of a program's metrics is what: names are free, habits are not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_VALIDATION = frozenset({"val", "valid", "validation", "eval", "dev"})
_TEST = frozenset({"test", "testing"})
_TRAINING = frozenset({"train", "training"})
_LOSS = frozenset({"loss", "losses", "cost", "nll", "objective"})
_ERROR = frozenset({"mse", "mae", "rmse", "error", "err", "ce", "bce", "elbo", "perplexity"})
_BOOKKEEPING = frozenset({"epoch", "step", "global", "iteration", "hp", "time", "fps"})


@dataclass(frozen=True)
class Roles:
    """The names of the metrics that have a place of their own on a screen; None where there is none.

    Args:
        train_loss: the loss that was trained on, by step where there is a choice.
        train_loss_epoch: its mean over each epoch.
        val_loss: the same in validation.
        rate: the learning rate.
    """

    train_loss: str | None = None
    train_loss_epoch: str | None = None
    val_loss: str | None = None
    rate: str | None = None


def roles(points: Mapping[str, int]) -> Roles:
    """Guess the roles of metrics.

    Args:
        points: how many values each has.
    """
    words = {name: _words(name) for name in points}
    training = [n for n, w in words.items() if not _is(w, _VALIDATION | _TEST) and not _is_rate(w)]
    validation = [n for n, w in words.items() if _is(w, _VALIDATION) and not _is_rate(w)]
    by_epoch = [n for n in training if "epoch" in words[n]]
    others = [n for n in training if n not in by_epoch]
    train = _best(others, words, points) or _best(by_epoch, words, points)
    mean = _best(by_epoch, words, points)
    rates = [n for n, w in words.items() if _is_rate(w)]
    return Roles(
        train_loss=train,
        train_loss_epoch=None if mean == train else mean,
        val_loss=_best([n for n in validation if "step" not in words[n]], words, points),
        rate=min(rates, key=lambda n: (-points[n], n), default=None),
    )


def _best(names: Iterable[str], words: Mapping[str, frozenset[str]], points: Mapping[str, int]) -> str | None:
    """Of the names that sound like a loss the likeliest, the total before its parts."""
    ranked = [(_likeliness(words[name]), len(words[name]), -points[name], name) for name in names]
    good = [each for each in ranked if each[0] < 3]
    return min(good)[-1] if good else None


def _likeliness(words: frozenset[str]) -> int:
    """0 for a loss, 1 for an error like one, 2 for something else that training measures, 3 for no measure at all."""
    if words & _LOSS:
        return 0
    if words & _ERROR:
        return 1
    return 2 if words & (_TRAINING | _VALIDATION) and not words & _BOOKKEEPING else 3


def _is(words: frozenset[str], known: frozenset[str]) -> bool:
    return bool(words & known)


def _is_rate(words: frozenset[str]) -> bool:
    return "lr" in words or {"learning", "rate"} <= words


@lru_cache(maxsize=4096)
def _words(name: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORD.findall(_HUMP.sub("_", name[:200])))
