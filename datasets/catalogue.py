"""What each data set is: its size, its licence, its files and checksums, and where they are published."""

from __future__ import annotations

import difflib
import string
from dataclasses import replace

from tegmentum.simcore.errors import DescriptionError

from .description import DataFile, DatasetInfo

__all__ = ["CATALOGUE", "DataFile", "DatasetInfo", "info"]

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

_OMNIGLOT = DataFile(
    "images_background_small1.zip",
    1_319_022,
    "f38eb80f801274ac2b4dff5b24289016bfaba4a7d5bb50deebf27104ad6cb8a4",
)
_OMNIGLOT_MIRRORS = ("https://github.com/brendenlake/omniglot/raw/master/python/",)
_OMNIGLOT_CITATION = (
    "B. M. Lake, R. Salakhutdinov, J. B. Tenenbaum (2015), Human-level concept learning through probabilistic "
    "program induction, Science 350:1332-1338, doi:10.1126/science.aab3050"
)

LETTERS = DatasetInfo(
    name="letters",
    title="Omniglot's Latin alphabet, 26 classes x 20 writers, 28 x 28",
    shape=(28, 28),
    x_max=255,
    class_names=tuple(string.ascii_lowercase),
    n_train=390,
    n_test=130,
    licence="MIT, copyright Brenden Lake",
    citation=_OMNIGLOT_CITATION,
    embedded=False,
    files=(_OMNIGLOT,),
    mirrors=_OMNIGLOT_MIRRORS,
    folder="omniglot_small",
    note="15 writers to train, 5 others to test; a stand-in for EMNIST letters, which has far more samples",
)

_GREEK = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu"),
    *("nu", "xi", "omicron", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega"),
)

SYMBOLS = DatasetInfo(
    name="symbols",
    title="Omniglot's Greek and Early Aramaic, 46 classes x 20 writers, 28 x 28",
    shape=(28, 28),
    x_max=255,
    class_names=(
        *_GREEK,
        *(f"Early Aramaic {k}" for k in range(1, 23)),
    ),
    n_train=690,
    n_test=230,
    licence="MIT, copyright Brenden Lake",
    citation=_OMNIGLOT_CITATION,
    embedded=False,
    files=(_OMNIGLOT,),
    mirrors=_OMNIGLOT_MIRRORS,
    folder="omniglot_small",
    note="15 writers to train, 5 others to test; a stand-in for 46 classes of HASYv2, which has more samples",
)

EMNIST_LETTERS = DatasetInfo(
    name="emnist-letters",
    title="EMNIST letters, upper and lower case in one class, 28 x 28",
    shape=(28, 28),
    x_max=255,
    class_names=tuple(string.ascii_lowercase),
    n_train=124_800,
    n_test=20_800,
    licence="derived from NIST Special Database 19; published by NIST without a licence file",
    citation="G. Cohen, S. Afshar, J. Tapson, A. van Schaik (2017), EMNIST: extending MNIST to handwritten "
    "letters, Proc. IJCNN 2017:2921-2926, doi:10.1109/IJCNN.2017.7966217",
    embedded=False,
    files=(
        DataFile(
            "gzip.zip",
            561_753_746,
            md5="58c8d27c78d21e728a6bc7b3cc06412e",
            urls=("https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",),
        ),
    ),
    homepage="https://www.nist.gov/itl/products-and-services/emnist-dataset",
)

HASYV2 = DatasetInfo(
    name="hasyv2",
    title="HASYv2 handwritten symbols, its 46 most frequent classes, 32 x 32",
    shape=(32, 32),
    x_max=255,
    class_names=tuple(map(str, range(46))),
    n_train=0,
    n_test=0,
    licence="ODbL 1.0 (Open Database License)",
    citation="M. Thoma (2017), The HASYv2 dataset, arXiv:1701.08380, doi:10.5281/zenodo.259444",
    embedded=False,
    files=(
        DataFile(
            "HASYv2.tar.bz2",
            0,
            md5="fddf23f36e24b5236f6b3a0880c778e3",
            urls=("https://zenodo.org/records/259444/files/HASYv2.tar.bz2",),
        ),
    ),
    homepage="https://doi.org/10.5281/zenodo.259444",
)

CIFAR10 = DatasetInfo(
    name="cifar10",
    title="CIFAR-10 tiny photographs, 32 x 32, RGB",
    shape=(32, 32, 3),
    x_max=255,
    class_names=(
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ),
    n_train=50_000,
    n_test=10_000,
    licence="no explicit licence, cite the report; the images are from 80 Million Tiny Images",
    citation="A. Krizhevsky (2009), Learning multiple layers of features from tiny images, technical report, "
    "University of Toronto",
    embedded=False,
    files=(
        DataFile(
            "cifar-10-binary.tar.gz",
            170_052_171,
            md5="c32a1d4ab5d03f1284b67883e8d87530",
            urls=("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
        ),
    ),
    homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
    stand_in=(
        DataFile(
            "CIFAR-10-images.zip",
            62_190_935,
            "3054c506d6b9c55863eb76490483f9f2d56b5a8850a262d6cfb7d6d71537273c",
        ),
    ),
    stand_in_note="lossy JPEG copies (mean absolute error 5.8 of 255 against the originals); the original order "
    "across classes is lost",
)

_NMNIST_CITATION = (
    "G. Orchard, A. Jayawant, G. K. Cohen, N. Thakor (2015), Converting static image datasets to spiking "
    "neuromorphic datasets using saccades, Front. Neurosci. 9:437, doi:10.3389/fnins.2015.00437"
)
_NMNIST_LICENCE = (
    "CC BY-SA 4.0 according to the authors' site, which could not be consulted (Mendeley's record may say CC BY "
    "4.0)"
)

NMNIST = DatasetInfo(
    name="nmnist",
    title="N-MNIST, 1,100 recordings of an event camera (ids 1-1000, 60001-60100), 34 x 34 x 2",
    shape=(34, 34, 2),
    x_max=1,
    class_names=_NUMERALS,
    n_train=1_000,
    n_test=100,
    licence=_NMNIST_LICENCE,
    citation=_NMNIST_CITATION,
    embedded=False,
    files=(
        DataFile(
            "NMNISTsmall.tar.xz",
            13_706_316,
            "ee522d72d82b3a39fe0911e1c87f8d040abc2049373d69a41015cd2c06c6c7ba",
        ),
    ),
    kind="events",
    folder="nmnist_small",
    homepage="https://github.com/bamsumit/slayerPytorch",
    note="a 1,100-recording subset of N-MNIST",
)

NMNIST_FULL = DatasetInfo(
    name="nmnist-full",
    title="N-MNIST, all 70,000 recordings of an event camera, 34 x 34 x 2",
    shape=(34, 34, 2),
    x_max=1,
    class_names=_NUMERALS,
    n_train=60_000,
    n_test=10_000,
    licence=_NMNIST_LICENCE,
    citation=_NMNIST_CITATION,
    embedded=False,
    files=(
        DataFile(
            "train.zip",
            0,
            md5="20959b8e626244a1b502305a9e6e2031",
            urls=(
                "https://data.mendeley.com/public-files/datasets/468j46mzdv/files/"
                "39c25547-014b-4137-a934-9d29fa53c7a0/file_downloaded",
            ),
        ),
        DataFile(
            "test.zip",
            0,
            md5="69ca8762b2fe404d9b9bad1103e97832",
            urls=(
                "https://data.mendeley.com/public-files/datasets/468j46mzdv/files/"
                "05a4d654-7e03-4c15-bdfa-9bb2bcbea494/file_downloaded",
            ),
        ),
    ),
    kind="events",
    homepage="https://www.garrickorchard.com/datasets/n-mnist",
)

DVS128_GESTURE = DatasetInfo(
    name="dvs128-gesture",
    title="DVS128 Gesture, 11 gestures of 29 people before an event camera, 128 x 128 x 2",
    shape=(128, 128, 2),
    x_max=1,
    class_names=(
        "hand clapping",
        "right hand wave",
        "left hand wave",
        "right arm clockwise",
        "right arm counter clockwise",
        "left arm clockwise",
        "left arm counter clockwise",
        "arm roll",
        "air drums",
        "air guitar",
        "other gestures",
    ),
    n_train=0,
    n_test=0,
    licence="CC BY 4.0, IBM",
    citation="A. Amir et al. (2017), A low power, fully event-based gesture recognition system, Proc. CVPR "
    "2017:7388-7397, doi:10.1109/CVPR.2017.781",
    embedded=False,
    files=(DataFile("DvsGesture.tar.gz", 0, md5="8a5c71fb11e24e5ca5b11866ca6c00a1"),),
    kind="events",
    homepage="https://research.ibm.com/interactive/dvsgesture/",
)

DVS128_GESTURE_CUT = replace(
    DVS128_GESTURE,
    name="dvs128-gesture-cut",
    title="DVS128 Gesture, cut into gestures, with times in ms, 128 x 128 x 2",
    files=(
        DataFile(
            "ibmGestureTrain.tar.gz",
            0,
            md5="3a8f0d4120a166bac7591f77409cb105",
            urls=(
                "https://zenodo.org/records/8060604/files/ibmGestureTrain.tar.gz",
                "https://figshare.com/ndownloader/files/38022171",
            ),
        ),
        DataFile(
            "ibmGestureTest.tar.gz",
            0,
            md5="56070e45dadaa85fff82e0fbfbc06de5",
            urls=(
                "https://zenodo.org/records/8060604/files/ibmGestureTest.tar.gz",
                "https://figshare.com/ndownloader/files/38020584",
            ),
        ),
    ),
    homepage="https://zenodo.org/records/8060604",
    note="times rounded to ms by those who cut it",
)

FSDD = DatasetInfo(
    name="fsdd",
    title="Free Spoken Digit Dataset, ten digits by six speakers, spikes of a cochlea, 24 bands x 40 bins",
    shape=(24, 40),
    x_max=255,
    class_names=_NUMERALS,
    n_train=2_700,
    n_test=300,
    licence="CC BY-SA 4.0",
    citation="Z. Jackson, C. Souza, J. Flaks, Y. Pan, H. Nicolas, A. Thite (2018), Free Spoken Digit Dataset, "
    "doi:10.5281/zenodo.1342401",
    embedded=False,
    files=(
        DataFile(
            "fsdd-recordings.tar.xz",
            13_524_832,
            "e188a9128ba3e45e6a403c4a041948ae578db15b252a1c8cf1a222c6c1ed52d4",
        ),
    ),
    folder="fsdd",
    homepage="https://github.com/Jakobovski/free-spoken-digit-dataset",
    note="the authors' split: every speaker is in both parts",
)

_HELD_OUT = tuple(
    replace(
        FSDD,
        name=f"fsdd-{speaker}",
        title=f"Free Spoken Digit Dataset, {speaker} held out, spikes of a cochlea, 24 bands x 40 bins",
        n_train=2_500,
        n_test=500,
        note=f"five speakers to train, {speaker} to test",
    )
    for speaker in ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
)

CATALOGUE = {
    entry.name: entry
    for entry in (
        DIGITS,
        MNIST,
        FASHION_MNIST,
        LETTERS,
        EMNIST_LETTERS,
        SYMBOLS,
        HASYV2,
        CIFAR10,
        FSDD,
        *_HELD_OUT,
        NMNIST,
        NMNIST_FULL,
        DVS128_GESTURE,
        DVS128_GESTURE_CUT,
    )
}


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
