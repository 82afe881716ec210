"""One of two processes with parts of the same predictions, for the tests of ranks: `metric_ranks.py RANK FOLDER`.

The folder holds `annotations.parquet` and `predictions.csv`; what each case gives is written to `RANK.json`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl
from stand_in_images import import_torchvision

RANKS = 2


def main():
    import_torchvision()
    import torch
    from torch.utils.data import DistributedSampler
    from torchmetrics import MetricCollection

    from ml_scorer import load_annotations
    from ml_scorer.errors import PredictionsError
    from ml_scorer.torch import MultiLabelAccuracy

    rank, folder = int(sys.argv[1]), Path(sys.argv[2])
    torch.distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=RANKS)
    annotations = load_annotations(folder / "annotations.parquet")
    table = pl.read_csv(folder / "predictions.csv")
    names, labels = table["file_name"].to_list(), torch.tensor(table["predicted_class"].to_list())
    found = {}

    def error_of(metric):
        try:
            metric.compute()
        except PredictionsError as error:
            return str(error)
        return None

    def fed(metric, positions, batch=700):
        for part in torch.tensor(positions, dtype=torch.int64).split(batch):
            metric.update(labels[part], part if rank else [names[place] for place in part.tolist()])
        return metric

    def metric(measures="MLA", **options):
        return MultiLabelAccuracy(measures, annotations=annotations, order=names, **options)

    for shuffle in (False, True):
        sampler = DistributedSampler(range(len(names)), RANKS, rank, shuffle=shuffle)
        padded = fed(metric(["MLA", "Top1"]), list(sampler))
        found[f"sampler, shuffle {shuffle}"] = {name: value.item() for name, value in padded.compute().items()}
        found["signature"] = padded.scores().signatures["MLA"]
        found["seen here afterwards"] = int((padded.slots[1:, 0] >= 0).sum())
    found["padded length"] = len(list(sampler)) * RANKS
    found["uneven"] = fed(metric(), range(9) if rank else range(9, len(names))).compute().item()
    found["idle rank"] = fed(metric(), [] if rank else range(len(names)), 10_000).compute().item()
    found["all on both"] = fed(metric(), range(len(names)), 10_000).compute().item()

    late = fed(metric(), range(30_000) if rank else range(30_100, len(names)), 10_000)
    found["missing"] = error_of(late)
    found["missing, then given"] = fed(late, range(30_000, 30_100)).compute().item()

    contradicted = fed(metric(), range(len(names)), 10_000)
    if rank:
        contradicted = metric()
        contradicted.update(999 - labels[:1], names[:1])
    found["contradiction"] = error_of(contradicted)
    contradicted.reset()
    found["contradiction, then reset"] = fed(contradicted, range(rank, len(names), RANKS), 10_000).compute().item()

    collection = MetricCollection({"MLA": metric(), "Top1": metric("Top1")})
    found["collection"] = {
        name: value.item() for name, value in fed(collection, range(rank, len(names), RANKS), 10_000).compute().items()
    }
    gathered = metric(dist_sync_fn=None)
    gathered.dist_sync_fn = None  # torchmetrics' own way: all states of all ranks
    found["gathered"] = fed(gathered, range(rank, len(names), RANKS), 10_000).compute().item()
    (folder / f"{rank}.json").write_text(json.dumps(found))
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
