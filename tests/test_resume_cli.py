"""`tegmentum resume`: what a killed command had begun is finished, and wrong use is refused."""

from __future__ import annotations

import random

import kill_and_resume
import pytest

from tegmentum.simcore.advance.cuda import available


@pytest.mark.slow
@pytest.mark.parametrize("kind", kill_and_resume.COMMANDS)
def test_a_killed_command_is_finished(kind, tmp_path):
    (tmp_path / "net.toml").write_text(kill_and_resume.NETWORK)
    command = kill_and_resume.COMMANDS[kind]
    took = kill_and_resume.finish(tmp_path, "whole.zarr", *command)
    whole = kill_and_resume.arrays(tmp_path / "whole.zarr")
    draw, kills = random.Random(kind), 0
    while not kills:
        kills += kill_and_resume.once(tmp_path, kind, whole, took, draw)


class TestRefused:
    def test_no_store(self, tegmentum):
        found = tegmentum("resume", "none.zarr")
        assert found.code == 4
        assert "none.zarr: no such run store" in found.err

    def test_a_store_of_ones_own(self, tegmentum, tmp_path):
        from tegmentum.simcore.record.store import RunStore

        RunStore.create(tmp_path / "own.zarr", {"a": 1}).close()
        found = tegmentum("resume", "own.zarr")
        assert found.code == 4
        assert "was not written by run, train or continual" in found.err

    def test_a_complete_training(self, tegmentum):
        arguments = ("--rule", "naca", "--hidden", 5, "--epochs", 1, "--limit-train", 64, "--limit-test", 9)
        assert tegmentum("train", *arguments, "--out", "run.zarr").code == 0
        for more, message in (
            ((), "run.zarr: is complete; there is nothing to go on with"),
            (("--until", 5), "--until: run.zarr is no run of model time; leave it out"),
            (("--backend", "cpu"), "--backend: run.zarr is no run of a network; leave it out"),
        ):
            found = tegmentum("resume", "run.zarr", *more)
            assert found.code == 3
            assert message in found.err

    def test_a_network_has_no_data_and_goes_on_where_it_can(self, tegmentum, tmp_path, monkeypatch):
        network = '[simulation]\nduration = 1.0\n[populations.p]\nsize = 5\nmodel = { type = "LIF" }\n'
        (tmp_path / "net.toml").write_text(network)
        assert tegmentum("run", "net.toml").code == 0
        found = tegmentum("resume", "net.zarr", "--data-dir", ".")
        assert found.code == 3
        assert "--data-dir: net.zarr is a run of a network, which has none" in found.err
        monkeypatch.setattr(available, "missing", lambda: "no device is here")
        found = tegmentum("resume", "net.zarr", "--until", 2.0, "--backend", "cuda")
        assert found.code == 2
        assert "no device is here" in found.err
        found = tegmentum("resume", "net.zarr", "--until", 2.0, "--backend", "auto", "--json")
        assert found.code == 0
        assert found.document["sim_ms"] == 2.0
