"""What each data set is: its size, its licence, its files and checksums, and where they are published."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from tegmentum.simcore.errors import DescriptionError


@dataclass(frozen=True)
class DataFile:
    """One published file.

    Parameters
    ----------
    name : str
        File name as published (gzip).
    n_bytes : int
        Size as published.
    sha256 : str
        SHA-256 of the published gzip file; a download must have it.
    content_sha256 : str
        SHA-256 of the unpacked content; whatever is loaded must have it, packed in whichever way.
    """

    name: str
    n_bytes: int
    sha256: str
    content_sha256: str

    @property
    def unpacked_name(self) -> str:
        """File name without ``.gz``."""
        return self.name.removesuffix(".gz")


@dataclass(frozen=True)
class DatasetInfo:
    """A data set's description, known without its files.

    Parameters
    ----------
    name, title : str
    shape : tuple of int
        Shape of one image.
    x_max : int
        The integer that means intensity 1.
    class_names : tuple of str
    n_train, n_test : int
        Number of training and of test samples.
    licence, citation : str
    embedded : bool
        Whether the files are part of the package, so that nothing has to be fetched.
    files : tuple of DataFile
    mirrors : tuple of str
        Addresses that, followed by a file's name, serve that file; tried in this order.
    """

    name: str
    title: str
    shape: tuple[int, ...]
    x_max: int
    class_names: tuple[str, ...]
    n_train: int
    n_test: int
    licence: str
    citation: str
    embedded: bool
    files: tuple[DataFile, ...]
    mirrors: tuple[str, ...] = ()

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def n_bytes(self) -> int:
        """Size of all published files."""
        return sum(file.n_bytes for file in self.files)


_NUMERALS = tuple("0123456789")

DIGITS = DatasetInfo(
    name="digits",
    title="Handwritten digits, 8 x 8 (UCI optdigits, test part)",
    shape=(8, 8),
    x_max=16,
    class_names=_NUMERALS,
    n_train=1438,
    n_test=359,
    licence="CC BY 4.0",
    citation="E. Alpaydin, C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning "
    "Repository, doi:10.24432/C50P49",
    embedded=True,
    files=(
        DataFile(
            "digits.csv.gz",
            53_392,
            "e31b7ccbf8cc2b158de948b1bb7a67bf39a856fb064b3aa8ef489f12a2dc4b63",
            "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8",
        ),
    ),
)

MNIST = DatasetInfo(
    name="mnist",
    title="MNIST handwritten digits, 28 x 28",
    shape=(28, 28),
    x_max=255,
    class_names=_NUMERALS,
    n_train=60_000,
    n_test=10_000,
    licence="copyright Y. LeCun and C. Cortes, derived from NIST SD-1 and SD-3; published without a licence "
    "file (CC BY-SA 3.0 according to Keras' documentation)",
    citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), Gradient-based learning applied to document "
    "recognition, Proc. IEEE 86:2278-2324, doi:10.1109/5.726791",
    embedded=False,
    files=(
        DataFile(
            "train-images-idx3-ubyte.gz",
            9_912_422,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        DataFile(
            "train-labels-idx1-ubyte.gz",
            28_881,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        DataFile(
            "t10k-images-idx3-ubyte.gz",
            1_648_877,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        DataFile(
            "t10k-labels-idx1-ubyte.gz",
            4_542,
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
)

FASHION_MNIST = DatasetInfo(
    name="fashion-mnist",
    title="Fashion-MNIST articles of clothing, 28 x 28",
    shape=(28, 28),
    x_max=255,
    class_names=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    n_train=60_000,
    n_test=10_000,
    licence="MIT, copyright 2017 Zalando SE",
    citation="H. Xiao, K. Rasul, R. Vollgraf (2017), Fashion-MNIST: a novel image dataset for benchmarking "
    "machine learning algorithms, arXiv:1708.07747",
    embedded=False,
    files=(
        DataFile(
            "train-images-idx3-ubyte.gz",
            26_421_880,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        ),
        DataFile(
            "train-labels-idx1-ubyte.gz",
            29_515,
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        ),
        DataFile(
            "t10k-images-idx3-ubyte.gz",
            4_422_102,
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        ),
        DataFile(
            "t10k-labels-idx1-ubyte.gz",
            5_148,
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ),
    mirrors=(
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
)

CATALOGUE = {entry.name: entry for entry in (DIGITS, MNIST, FASHION_MNIST)}


def info(name: str) -> DatasetInfo:
    """Describe a data set without reading it.

    Raises
    ------
    DescriptionError
        If no data set has that name; the message lists the names and the nearest one.
    """
    key = name.lower().replace("_", "-")
    if key in CATALOGUE:
        return CATALOGUE[key]
    near = difflib.get_close_matches(key, CATALOGUE, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise DescriptionError(f"data set {name!r} is unknown; there are {', '.join(CATALOGUE)}{hint}")
