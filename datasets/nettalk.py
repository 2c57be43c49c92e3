"""NETtalk: English words, letter by letter, with the phoneme and the stress of each.

A sample is a letter in a window of seven, each one of 27 symbols (26 letters, or none beyond the ends of the word), and
its phoneme and stress as two one-hot codes. Words, not letters, are split, so that no word is in both parts.

Source: T. J. Sejnowski, C. R. Rosenberg (1987), Parallel networks that learn to pronounce English text, Complex
Systems 1:145-168; UCI Connectionist Bench. The data are free for non-commercial research; they are not in the package.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tegmentum.simcore.errors import DataError

WINDOW, LETTERS = 7, "abcdefghijklmnopqrstuvwxyz"
STRESS = "<>012"
SOURCE = "https://archive.ics.uci.edu/ml/machine-learning-databases/undocumented/connectionist-bench/nettalk/"


@dataclass(frozen=True)
class Nettalk:
    """Letters of words in windows, with phonemes and stress.

    Attributes
    ----------
    x : uint8[n, 189]
        7 symbols of 27, one-hot
    phoneme, stress : int64[n]
        positions in ``phonemes`` and in ``<>012``
    word : int64[n]
        of which word the letter is
    phonemes : str
        all that occur, one character each
    words : tuple of str
    """

    x: NDArray[np.uint8]
    phoneme: NDArray[np.int64]
    stress: NDArray[np.int64]
    word: NDArray[np.int64]
    phonemes: str
    words: tuple[str, ...]

    def targets(self) -> NDArray[np.float64]:
        """Return phoneme and stress as one-hot codes beside each other, float64[n, len(phonemes) + 5]."""
        codes = np.eye(len(self.phonemes))[self.phoneme], np.eye(len(STRESS))[self.stress]
        return np.concatenate(codes, axis=1)

    def split(self, n_test: int, seed: int = 0) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which letters are for training and which for testing, those of ``n_test`` drawn words."""
        if not 0 < n_test < len(self.words):
            raise DataError(f"nettalk: n_test must be in [1, {len(self.words)}), got {n_test}")
        held = np.zeros(len(self.words), bool)
        held[np.random.default_rng(seed).permutation(len(self.words))[:n_test]] = True
        return ~held[self.word], held[self.word]


def load_nettalk(path: str | Path, limit: int | None = None) -> Nettalk:
    """Read ``nettalk.data``.

    Parameters
    ----------
    path : path
        the file, or the folder that holds it
    limit : int, optional
        the first so many words only

    Raises
    ------
    DataError
        if it is not there, or a line is not of a word, its phonemes and its stress, equally long
    """
    file = Path(path)
    file = file / "nettalk.data" if file.is_dir() else file
    try:
        text = file.read_text(encoding="latin-1")
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror}); it is at {SOURCE}") from error
    words, phonemes, stresses = [], [], []
    for number, line in enumerate(text.splitlines(), 1):
        parts = [part.strip() for part in line.split("\t")]
        if len(parts) < 3 or not parts[0]:
            continue  # the header
        word, phoneme, stress = parts[:3]
        if word == "gunpowder" and len(stress) != len(word):
            continue  # has lost its stress in every copy
        if (
            not len(word) == len(phoneme) == len(stress)
            or set(word) - set(LETTERS)
            or set(stress) - set(STRESS)
        ):
            raise DataError(
                f"{file}, line {number}: no word with phonemes and stress of its length: {line!r:.60}"
            )
        words.append(word)
        phonemes.append(phoneme)
        stresses.append(stress)
        if len(words) == limit:
            break
    if not words:
        raise DataError(f"{file}: holds no word")
    known = "".join(sorted(set("".join(phonemes))))
    length = np.array([len(word) for word in words])
    half = WINDOW // 2
    symbols = []
    for word in words:
        padded = [26] * half + [LETTERS.index(letter) for letter in word] + [26] * half
        symbols += [padded[k : k + WINDOW] for k in range(len(word))]
    x = np.eye(27, dtype=np.uint8)[np.array(symbols)].reshape(len(symbols), WINDOW * 27)
    return Nettalk(
        x,
        np.array([known.index(p) for p in "".join(phonemes)]),
        np.array([STRESS.index(s) for s in "".join(stresses)]),
        np.repeat(np.arange(len(words)), length),
        known,
        tuple(words),
    )
