"""The loops that README shows, run as they stand there: on stand-in images, with a small model that is not trained."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest
from readme import code_blocks, section
from stand_in_images import import_torchvision, one_image_a_class, write_images
from tables import write_sealed

import ml_scorer
from ml_scorer import load_annotations
from ml_scorer.imagenet import validation_labels
from ml_scorer.schema import image_numbers

import_torchvision()
torch = pytest.importorskip("torch")
pytest.importorskip("torchmetrics")
pytest.importorskip("torchvision")
timm = pytest.importorskip("timm")
lightning = pytest.importorskip("lightning")

from ml_scorer.torch import image_names  # noqa: E402 (which torchvision must be ready for)

pytestmark = [
    # Of a model that is not trained, on 1,000 images.
    pytest.mark.filterwarnings("ignore:top-1 is near chance:UserWarning"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),  # more workers than processors
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*"),  # on how many processors is Lightning's advice
    pytest.mark.filterwarnings("ignore:.*LeafSpec.* is deprecated:FutureWarning"),  # which Lightning still uses
]

BLOCKS = code_blocks("In the training loop", "python")


def block(word):
    """The one example that has this word in it."""
    [found] = [code for code in BLOCKS if word in code]
    return found


@pytest.fixture(scope="module")
def annotations_of_1000(synthetic, tmp_path_factory):
    path = tmp_path_factory.mktemp("annotations") / "annotations.parquet"
    return write_sealed(path, one_image_a_class(synthetic))  # UNVERIFIED: a SYNTHETIC one must be named


@pytest.fixture(autouse=True)
def _place(annotations_of_1000, tmp_path, monkeypatch):
    """A folder with images, annotations that are found, and no pretrained weights."""
    annotations = load_annotations(annotations_of_1000)
    write_images(tmp_path / "imagenet" / "val", annotations.frame)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ML_SCORER_ANNOTATIONS", str(annotations_of_1000))
    create_model = timm.create_model

    def untrained(name, *, pretrained):
        assert (name, pretrained) == ("resnet50", True)
        torch.manual_seed(0)
        model = create_model("test_resnet", pretrained=False)
        model.pretrained_cfg = {**model.pretrained_cfg, "input_size": (3, 32, 32)}
        return model

    monkeypatch.setattr(timm, "create_model", untrained)


def predictions_of(model, folder):
    """What a model predicts for each image by name, worked out one image at a time."""
    from PIL import Image

    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
    files = sorted(folder.rglob("*.JPEG"))
    with torch.inference_mode():
        batch = torch.stack([transform(Image.open(file).convert("RGB")) for file in files])
        return dict(zip([file.name for file in files], model.eval()(batch).argmax(dim=1).tolist(), strict=True))


def expected(measure="MLA"):
    model = timm.create_model("resnet50", pretrained=True)
    scores = ml_scorer.score(predictions_of(model, Path("imagenet/val")), measures=measure)
    return scores.frame[measure][0]


def test_the_loop_of_timm_s_validate(capsys):
    code = block("create_loader")
    names = {}
    exec(compile(code, "README.md", "exec"), names)  # noqa: S102 (the README's own text)
    metric = names["metric"]
    assert metric.compute().item() == expected()
    assert capsys.readouterr().out == f"MLA {expected():.2%}\n"
    assert metric.scores().signatures["MLA"].split("|")[5].startswith("order:list@")


def test_the_targets_of_the_loop_of_timm_s_validate():
    [expression] = re.findall(r"they are `(torch\.tensor\(.*?)`\.", section("In the training loop"))
    dataset = timm.data.create_dataset("", root="imagenet/val")
    positions = torch.tensor([3, 0, 999])
    found = eval(expression, {"torch": torch, "dataset": dataset, "positions": positions})  # noqa: S307
    numbers = image_numbers(pl.Series(image_names(dataset)))[positions.numpy()]
    assert found.tolist() == validation_labels()[numbers].tolist()


def test_plain_pytorch(capsys):
    names = {}
    exec(compile(block("metric.scores()"), "README.md", "exec"), names)  # noqa: S102
    assert {name: value.item() for name, value in names["metric"].compute().items()} == {
        "MLA": expected(),
        "Top1": expected("Top1"),
    }
    printed = capsys.readouterr().out
    assert "<Scores of 1 checkpoint" in printed
    assert "order:names" in names["metric"].scores().signatures["MLA"]


def test_lightning(capsys):
    names = {}
    exec(compile(block("LightningModule"), "README.md", "exec"), names)  # noqa: S102
    assert "val/MLA" in capsys.readouterr().out
    trainer = lightning.Trainer(logger=False, enable_progress_bar=False, enable_model_summary=False)
    [logged] = trainer.validate(names["classifier"], names["loader"], verbose=False)
    assert logged == {"val/MLA": expected()}


def test_arrays():
    jax = pytest.importorskip("jax")
    files = sorted(Path("imagenet/val").rglob("*.JPEG"))
    logits = jax.random.normal(jax.random.key(0), (len(files), 1000))
    code = block("ml_scorer.arrays").replace('order="imagefolder"', "order=names")
    given = {
        "logits": logits,
        "names": [file.name for file in files],
        "batches": [(logits[:600], range(600)), (logits[500:], range(500, 1000))],
    }
    exec(compile(code, "README.md", "exec"), given)  # noqa: S102
    labels = dict(zip(given["names"], logits.argmax(axis=1).tolist(), strict=True))
    scores = ml_scorer.score(labels, measures=["MLA", "Top1"])
    assert given["accuracy"].compute(given["state"]) == {name: scores.frame[name][0] for name in ("MLA", "Top1")}
