"""A training as people write it with Lightning alone; run by tests as a program of its own.

usage: stock_lightning.py FOLDER EPOCHS [tensorboard]
"""

from __future__ import annotations

import sys
import time

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from torch.utils.data import DataLoader, TensorDataset


class Regression(pl.LightningModule):
    def __init__(self, lr: float = 0.05, width: int = 4, name: str = "[b]a\x1b[2J") -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = torch.nn.Linear(width, 1)

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        loss = torch.nn.functional.mse_loss(self.net(batch[0]), batch[1])
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        # Appears late, so that CSVLogger has to write its file anew.
        if self.global_step >= 25:
            self.log("late,metric", loss * 2)
        time.sleep(0.03)
        return loss

    def validation_step(self, batch: list[torch.Tensor], _: int) -> None:
        self.log("val_loss", torch.nn.functional.mse_loss(self.net(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=self.hparams["lr"])


def main() -> None:
    folder, epochs, others = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    torch.manual_seed(0)
    x = torch.randn(160, 4)
    data = TensorDataset(x, x.sum(dim=1, keepdim=True))
    loggers: list[pl.loggers.Logger] = [CSVLogger(folder, name="csv", flush_logs_every_n_steps=4)]
    if "tensorboard" in others:
        loggers.append(TensorBoardLogger(folder, name="board", log_graph=False))
    trainer = pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=loggers,
        log_every_n_steps=1,
        callbacks=[pl.callbacks.LearningRateMonitor("step")],
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Regression(), DataLoader(data, batch_size=8), DataLoader(data, batch_size=80))


if __name__ == "__main__":
    main()
