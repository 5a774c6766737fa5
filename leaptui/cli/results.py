"""Results for people, one function an operation; each takes the result as plain JSON values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from leaptui.cli.output import note, print_facts, print_rows, text
from leaptui.words import duration, percent

Result = Mapping[str, Any]


def show(operation: str, result: Result) -> None:
    """Print a result on stdout, its notes on stderr."""
    _SHOWS[operation](result)
    for line in result.get("notes", ()):
        note(f"note: {line}")


def _new(result: Result) -> None:
    note(f"made {result['project']}")
    skeleton = result["skeleton"]
    note(
        "  no skeleton yet: the first import brings one"
        if skeleton is None
        else f"  skeleton {skeleton}, {result['nodes']} nodes"
    )
    if result["videos"]:
        note(f"  {len(result['videos'])} videos")


def _add(result: Result) -> None:
    print_rows(
        ["id", "path", "frames", "size", "reader"],
        [[v["id"], v["path"], v["frames"], f"{v['width']} x {v['height']}", v.get("reader")] for v in result["videos"]],
    )
    for video in result["videos"]:
        for problem in video["problems"]:
            note(f"{video['path']}: {problem}")
    for path in result["skipped"]:
        note(f"{path} was there already")


def _import(result: Result) -> None:
    note(
        f"imported {result['frames']:,} labelled frames ({result['points']:,} points, {result['instances']:,} animals) "
        f"from {result['format']} into {result['project']}"
    )


def _export(result: Result) -> None:
    if result["frame_size"]:
        height, width = result["frame_size"]
        note(
            f"wrote {result['out']} ({result['format']}) for frames of {width} x {height} px; "
            f"its points are within {result['worst_px']:.2g} px of torch's"
        )
        return
    note(f"wrote {result['out']} ({result['format']}): {result['frames']:,} frames, {result['points']:,} points")


def _info(result: Result) -> None:
    lists = {k: v for k, v in result["facts"].items() if isinstance(v, list) and k.endswith("_list")}
    facts = {k.replace("_", " "): v for k, v in result["facts"].items() if k not in lists and not isinstance(v, dict)}
    print_facts({"path": result["path"], "kind": result["kind"], **facts})
    for name, rows in lists.items():
        print_rows(rows[0].keys() if rows else [name], [list(row.values()) for row in rows])
    for problem in result["problems"]:
        note(f"problem: {problem}")


def _train(result: Result) -> None:
    print_facts(
        {
            "trained on": f"{text(result['labels'])} labelled frames, {result['epochs']} epochs, "
            f"{duration(result['seconds'])} on {result['device']}, {_precision(result)}"
            + ("; stopped early" if result["stopped"] else ""),
            "validation": _validation(result),
            "model": result["model"],
            "run": result["run"],
        }
    )


def _precision(result: Result) -> str:
    return "fp32" if result["precision"] == "32" else str(result["precision"])


def _validation(result: Result) -> str:
    if result["val_error_px"] is None:
        return "none: no labelled frame was held back"
    body = "" if result["val_error_body"] is None else f" ({percent(result['val_error_body'])} of body length)"
    return (
        f"mean {result['val_error_px']:.2f} px{body}, median {result['val_median_px']:.2f} px "
        f"on {result['val_frames']} held-back frames, epoch {result['best_epoch']}"
    )


def _predict(result: Result) -> None:
    predicted = (
        f"{result['frames']:,} frames in {duration(result['seconds'])} "
        f"({result['fps']:,.0f} frames/s) on {result['device']}, {result['backend']} {_precision(result)}"
    )
    print_facts(
        {
            "predicted": predicted if result["frames"] else "nothing was left to do",
            "written": result["out"] if len(result["files"]) != 1 else result["files"][0],
            "bounded by": _bounded_by(result),
            "unreadable frames": result["bad_frames"] or None,
        }
    )
    for path, stretches in result.get("unreadable", {}).items():
        note(f"no points for unreadable frames of {path}: {stretches}")
    for path, reason in result["failed"].items():
        note(f"not predicted: {path}: {reason}")
    if result["stopped"]:
        note("stopped; the same command with --resume goes on")


def _bounded_by(result: Result) -> str | None:
    """The stage that the others waited for, and its share of all waiting; results of older versions do not know it."""
    slowest = result.get("bounded_by")
    return None if slowest is None else f"{slowest} ({percent(result['waited'][slowest])} of the waiting)"


def _evaluate(result: Result) -> None:
    seen, unseen = result["seen_in_training"], result["unseen"]
    print_facts(
        {
            "compared": f"{result['frames']:,} frames, {result['points']:,} points",
            "mean": _distance(result["mean_px"], result["mean_body"]),
            "median": _distance(result["median_px"], None),
            "p90": _distance(result["p90_px"], None),
            "rmse": _distance(result["rmse_px"], None),
            "within 3 % of body": None if result["within_3pct_body"] is None else percent(result["within_3pct_body"]),
            "PCK": ", ".join(
                f"{t} px {percent(v)}" for t, v in result["pck"].items() if t in ("1", "2", "3", "5", "10")
            ),
            "OKS": None if result["oks"] is None else f"{result['oks']:.3f} (sigma {result['oks_sigma']:g})",
            "labelled, not predicted": result["missing"] or None,
        }
    )
    print_rows(
        ["node", "mean px", "median px", "p90 px", "points"],
        [[node, v["mean_px"], v["median_px"], v["p90_px"], v["points"]] for node, v in result["per_node"].items()],
    )
    _mistakes(result)
    if seen:
        note(f"warning: the model was trained on {seen} of these {result['frames']} frames; these are not test errors")
        if unseen:
            note(f"  on the {unseen['frames']} other frames: mean {_distance(unseen['mean_px'], unseen['mean_body'])}")
    elif seen == 0:
        note("the model was trained on none of these frames")


def _mistakes(result: Result) -> None:
    """What went wrong, and whether the scores said so; results of older versions know nothing of either."""
    missed, table = result.get("misses"), result.get("reliability")
    if missed:
        total = sum(missed.values())
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in missed.items() if count)
        print_facts(
            {"off by more than 3 % of body": f"{total:,} points" + (f": {kinds}" if total else "")},
            title=f"Mistakes on {result['judged_frames']:,} frames",
        )
    if table:
        print_rows(
            ["score from", "to", "points", "mean score", f"within {table['within_px']:.1f} px"],
            [[b["low"], b["high"], b["points"], b["score"], b["right"]] for b in table["bins"]],
            title="Do the scores mean what they say?",
        )
        print_facts(
            {
                "calibration error": percent(table["calibration_error"]),
                "right scores higher than wrong": None if table["auc"] is None else percent(table["auc"]),
                "rank correlation with distance": table["spearman"],
            }
        )


def _distance(px: float | None, body: float | None) -> str:
    if px is None:
        return "-"
    return f"{px:.2f} px" + ("" if body is None else f" ({percent(body)} of body length)")


_SHOWS: dict[str, Callable[[Result], None]] = {
    "new": _new,
    "add": _add,
    "import": _import,
    "export": _export,
    "info": _info,
    "train": _train,
    "predict": _predict,
    "evaluate": _evaluate,
}
