"""A Lightning run whose model predicts what a file says: `lightning_run.py DEVICES FOLDER`.

The folder holds `annotations.parquet` and `predictions.csv`; what was logged is written to `lightning.json`.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import polars as pl
from stand_in_images import import_torchvision


def main():
    import_torchvision()
    warnings.simplefilter("ignore")  # Lightning's advice
    import lightning
    import torch
    from torch.utils.data import DataLoader, Dataset, DistributedSampler
    from torchmetrics import MetricCollection

    from ml_scorer import load_annotations
    from ml_scorer.torch import MultiLabelAccuracy

    devices, folder = int(sys.argv[1]), Path(sys.argv[2])
    annotations = load_annotations(folder / "annotations.parquet")
    table = pl.read_csv(folder / "predictions.csv")
    names, labels = table["file_name"].to_list(), torch.tensor(table["predicted_class"].to_list())
    samplers, seen = [], []

    class Images(Dataset):
        def __len__(self):
            return len(names)

        def __getitem__(self, index):
            return index, int(labels[index]), names[index]

    class Classifier(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.model = torch.nn.Linear(1, 1)
            self.mla = MultiLabelAccuracy(annotations=annotations)
            each = {name: MultiLabelAccuracy(name, annotations=annotations) for name in ("MLA", "Top1")}
            self.measures = MetricCollection(each, prefix="all/")

        def training_step(self, batch, _):
            return self.model(batch[0].float()[:, None]).mean()

        def validation_step(self, batch, _):
            _, predicted, batch_names = batch
            samplers.append(isinstance(self.trainer.val_dataloaders.sampler, DistributedSampler))
            self.mla(predicted, batch_names)
            self.log("val/MLA", self.mla, on_step=True, on_epoch=True)
            self.measures.update(predicted, batch_names)
            self.log_dict(self.measures)

        def on_validation_epoch_end(self):
            seen.append([self.mla.compute().isnan().item(), self.mla.scores().signatures["MLA"].split("|")[4]])

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.0)

    how = {
        "accelerator": "cpu",
        "devices": devices,
        "strategy": "ddp" if devices > 1 else "auto",
        "precision": "bf16-mixed",
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    trainer = lightning.Trainer(**how, max_epochs=2, limit_train_batches=1)
    classifier, loader = Classifier(), DataLoader(Images(), batch_size=999)
    trainer.fit(classifier, loader, loader)  # begins with a sanity check of two batches
    fitted = {name: value.item() for name, value in trainer.callback_metrics.items()}
    validated = [trainer.validate(classifier, loader, verbose=False) for _ in range(2)]
    lightning.Trainer(**how, fast_dev_run=True).fit(classifier, loader, loader)
    if trainer.is_global_zero:
        found = {"unknown": seen, "fit": fitted, "validate": validated, "distributed sampler": all(samplers)}
        (folder / "lightning.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
