"""Damaged files are read or refused in a line: never a traceback, never a hang, nothing overwritten."""

from __future__ import annotations

import sys

import pytest

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="alarms are POSIX's")

import fuzz_files  # noqa: E402


@pytest.mark.slow
@pytest.mark.parametrize("n", [60, pytest.param(1_000, marks=pytest.mark.long)])
def test_damaged_files_are_read_or_refused(tmp_path, n):
    fuzz_files.make_store(tmp_path)
    found = [fuzz_files.attempt(number, tmp_path) for number in range(n)]
    assert [(number, *rest) for number, rest in enumerate(found) if rest[2]] == []
    assert {code for _, code, _ in found} == {0, 3, 4}
