"""Which image each item of a data set is: the real data sets of torchvision and timm, on stand-in images."""

from __future__ import annotations

import pickle

import pytest
from stand_in_images import import_torchvision, write_images

import ml_scorer
from ml_scorer.errors import PredictionsError

import_torchvision()
torch = pytest.importorskip("torch")
pytest.importorskip("torchmetrics")
datasets = pytest.importorskip("torchvision.datasets")
timm_data = pytest.importorskip("timm.data")

from torch.utils.data import ConcatDataset, DataLoader, IterableDataset, Subset, TensorDataset  # noqa: E402

from ml_scorer.torch import image_names, with_names, with_positions  # noqa: E402

KINDS = {
    "ImageFolder": datasets.ImageFolder,
    "DatasetFolder": lambda root: datasets.DatasetFolder(root, str, extensions=(".jpeg",)),
    "timm": lambda root: timm_data.create_dataset("", root=str(root)),
    "Subset": lambda root: Subset(datasets.ImageFolder(root), range(40)),
    "ConcatDataset": lambda root: ConcatDataset([datasets.ImageFolder(root)]),
    "named": lambda root: with_names(datasets.ImageFolder(root)),
    "positioned": lambda root: with_positions(datasets.ImageFolder(root)),
}


@pytest.fixture(scope="module")
def root(synthetic, tmp_path_factory):
    """Forty images in the folders of their classes."""
    return write_images(tmp_path_factory.mktemp("imagenet ünï") / "val", synthetic.frame[::500])


@pytest.fixture(scope="module")
def in_order(root):
    return [path.name for path in sorted(root.rglob("*.JPEG"))]


@pytest.mark.parametrize("kind", KINDS)
def test_names_of_every_kind_of_data_set(kind, root, in_order):
    assert image_names(KINDS[kind](root)) == in_order


def test_parts_of_parts(root, in_order):
    whole = datasets.ImageFolder(root)
    part = ConcatDataset([Subset(Subset(whole, [9, 3, 30]), [2, 0]), Subset(whole, [1])])
    assert image_names(part) == [in_order[30], in_order[9], in_order[1]]


@pytest.mark.parametrize("whole", [lambda part: Subset(part, [1, 0]), lambda part: ConcatDataset([part])])
def test_positions_belong_around_the_whole(whole, root):
    inside = with_positions(datasets.ImageFolder(root))
    with pytest.raises(
        PredictionsError, match=r"put with_positions around it, with_positions\((Subset|ConcatDataset)\("
    ):
        image_names(whole(inside))
    assert len(with_positions(whole(datasets.ImageFolder(root)))) > 0


def test_the_names_are_an_order(root, in_order, synthetic):
    order = image_names(datasets.ImageFolder(root))
    assert ml_scorer.Scorer(synthetic, order=order).options.order.images.size == len(in_order)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_shuffled_loader_hands_out_names(workers, root, in_order):
    to_tensor = pytest.importorskip("torchvision.transforms").ToTensor()
    dataset = with_names(datasets.ImageFolder(root, to_tensor))
    loader = DataLoader(dataset, batch_size=7, shuffle=True, num_workers=workers)
    batches = list(loader)
    assert [len(batch) for batch in batches] == [3] * 6
    assert sorted(name for *_, names in batches for name in names) == sorted(in_order)
    target_of = dict(zip(in_order, datasets.ImageFolder(root).targets, strict=True))
    assert all(target_of[n] == t for _, targets, names in batches for n, t in zip(names, targets.tolist(), strict=True))


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # timm leaves images open
@pytest.mark.parametrize("prefetcher", [False, True])
def test_timm_s_loader_hands_out_positions(prefetcher, root, in_order):
    dataset = timm_data.create_dataset("", root=str(root))
    loader = timm_data.create_loader(
        with_positions(dataset),
        input_size=(3, 32, 32),
        batch_size=16,
        use_prefetcher=prefetcher,
        num_workers=0,
        persistent_workers=False,
        device=torch.device("cpu"),
    )
    batches = list(loader)
    assert torch.cat([positions for _, positions in batches]).tolist() == list(range(len(in_order)))
    assert {images.shape[1:] for images, _ in batches} == {(3, 32, 32)}


def test_a_position_is_one_from_the_front(root, in_order):
    dataset = with_positions(datasets.ImageFolder(root))
    assert [dataset[index][1] for index in (0, 5, -1)] == [0, 5, len(in_order) - 1]
    assert with_names(datasets.ImageFolder(root))[-1][2] == in_order[-1]


@pytest.mark.parametrize("wrap", [with_names, with_positions])
def test_they_go_to_workers_that_are_spawned(wrap, root, in_order):
    dataset = pickle.loads(pickle.dumps(wrap(datasets.ImageFolder(root))))  # noqa: S301
    assert image_names(dataset) == in_order


def test_other_images_are_refused(root, tmp_path):
    for name in ("n02123045/n02123045_1.JPEG", "n02123045/cat.JPEG"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(next(root.rglob("*.JPEG")).read_bytes())
    for ask in (image_names, with_names, with_positions):
        with pytest.raises(
            PredictionsError,
            match=r"2 of the 2 items of this ImageFolder are no ImageNet validation images: .*cat\.JPEG",
        ):
            ask(datasets.ImageFolder(tmp_path))


class Stream(IterableDataset):
    def __iter__(self):
        return iter(())


@pytest.mark.parametrize(
    ("dataset", "found"),
    [
        (TensorDataset(torch.zeros(2, 3)), "TensorDataset is a data set that does not say which file each item is"),
        (Stream(), "Stream is a stream that does not say"),
        ([1, 2], "list is a data set that does not say"),
        (None, "NoneType is"),
        (Subset(TensorDataset(torch.zeros(2, 3)), [0]), "TensorDataset is"),
    ],
)
def test_what_does_not_say_its_files_is_refused(dataset, found):
    with pytest.raises(PredictionsError, match=found):
        image_names(dataset)
