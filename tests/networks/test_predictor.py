"""The predictor: from bytes to probabilities, one by one on the CPU, and an honest word on devices."""

import logging
import threading

import numpy as np
import pytest
import torch

from farmcd_qgis.core.classes import FIVE
from farmcd_qgis.core.errors import FarmCDError, InputError
from farmcd_qgis.core.messages import part
from farmcd_qgis.networks import devices
from farmcd_qgis.networks.devices import choose_device, list_devices
from farmcd_qgis.networks.predictor import LARGEST_BATCH, Predictor, close_enough, fitting_batch
from tests.helpers.tiny_network import TinyNet

TILE = 16


def tiles(count: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(count)
    return tuple(generator.integers(0, 256, (count, 3, TILE, TILE), np.uint8) for _ in range(2))


def test_gives_probabilities_of_scaled_bytes():
    net = TinyNet()
    before, after = tiles(2)
    before[0, :, 0, 0] = 0, 51, 255
    probabilities, shares = Predictor(net, tile=TILE, context=["rural"]).predict(before, after)
    assert probabilities.shape == (2, len(FIVE), TILE, TILE)
    assert shares.shape == (2, TILE, TILE)
    assert probabilities.dtype == shares.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert [context for _, _, context in net.seen] == [["rural"]] * 2
    # The tiles run beside each other: which one came first is open.
    pixel = torch.tensor([-1.0, -0.6, 1.0])
    assert sum(torch.allclose(seen[0, :, 0, 0], pixel, atol=1e-6) for seen, _, _ in net.seen) == 1
    with torch.no_grad():
        logits, score_map = net(torch.from_numpy(before) / 255 * 2 - 1, torch.from_numpy(after) / 255 * 2 - 1)
    np.testing.assert_allclose(probabilities, torch.softmax(logits, 1), atol=1e-5)
    np.testing.assert_allclose(shares, torch.softmax(score_map, 1)[:, 0], atol=1e-5)


def test_cpu_runs_one_by_one_with_equal_bytes():
    net = TinyNet()
    before, after = tiles(5)
    together = Predictor(net, tile=TILE).predict(before, after)
    assert {len(seen[0]) for seen in net.seen} == {1}
    for index in range(5):
        alone = Predictor(net, tile=TILE).predict(before[index : index + 1], after[index : index + 1])
        assert alone[0].tobytes() == together[0][index].tobytes()
        assert alone[1].tobytes() == together[1][index].tobytes()


def test_one_tile_one_thread_gives_the_same_bytes_on_any_number_of_threads():
    class Wide(TinyNet):
        """Notes who computes, with how many threads of torch's."""

        def forward(self, *arguments):
            ran.append((threading.current_thread().name, torch.get_num_threads()))
            # Long sums: where torch shares them over threads, their order and so their last bits depend on the number.
            logits, priors = super().forward(*arguments)
            return logits + self.many.mean(), priors

    before, after = tiles(6)
    threads = torch.get_num_threads()
    found = {}
    try:
        for count in (1, 2, 3):
            ran: list[tuple[str, int]] = []
            torch.set_num_threads(count)
            net = Wide()
            net.many = torch.rand(1 << 18, generator=torch.Generator().manual_seed(1))
            predictor = Predictor(net, tile=TILE)
            assert predictor.at_once == count
            found[count] = [part.tobytes() for part in predictor.predict(before, after)]
            assert {own for _, own in ran} == {1}
            assert torch.get_num_threads() == count
            if count > 1:
                assert all(name.startswith("farmcd-tile") for name, _ in ran)
    finally:
        torch.set_num_threads(threads)
    assert found[1] == found[2] == found[3]


def test_symmetric_is_the_mean_over_both_orders():
    before, after = tiles(2)
    plain, symmetric = Predictor(TinyNet(), tile=TILE), Predictor(TinyNet(), tile=TILE, symmetric=True)
    for one, two, mean, turned in zip(
        plain.predict(before, after),
        plain.predict(after, before),
        symmetric.predict(before, after),
        symmetric.predict(after, before),
        strict=True,
    ):
        assert not np.allclose(one, two, atol=1e-2)
        np.testing.assert_allclose(mean, (one + two) / 2, atol=1e-6)
        np.testing.assert_array_equal(mean, turned)


def test_without_text_priors_there_are_probabilities_alone():
    class NoPriors(TinyNet):
        def forward(self, *arguments):
            return super().forward(*arguments)[0], None

    before, after = tiles(3)
    for symmetric in (False, True):
        wanted, _ = Predictor(TinyNet(), tile=TILE, symmetric=symmetric).predict(before, after)
        found, shares = Predictor(NoPriors(), tile=TILE, symmetric=symmetric).predict(before, after)
        assert shares is None
        np.testing.assert_array_equal(found, wanted)
    assert close_enough((found, None), (found + 0.009, None))
    assert not close_enough((found, None), (found + 0.011, None))


def test_temperature_softens_the_classes_only():
    before, after = tiles(1)
    net = TinyNet()
    sharp, sharp_share = Predictor(net, tile=TILE).predict(before, after)
    net.temperature = 2.0
    soft, soft_share = Predictor(net, tile=TILE).predict(before, after)
    expected = np.sqrt(sharp) / np.sqrt(sharp).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(soft, expected, atol=1e-5)
    np.testing.assert_array_equal(soft_share, sharp_share)


@pytest.mark.parametrize(
    "fault", [torch.OutOfMemoryError("Allocation on device"), RuntimeError("MPS backend out of memory (20 MiB)")]
)
def test_batch_is_halved_when_memory_runs_out(fault: RuntimeError, caplog: pytest.LogCaptureFixture):
    before, after = tiles(7)
    expected = Predictor(TinyNet(), tile=TILE).predict(before, after)
    net = TinyNet(room=2, fault=fault)
    predictor = Predictor(net, tile=TILE)
    predictor.batch = 1024
    with caplog.at_level(logging.WARNING):
        found = predictor.predict(before, after)
    assert [len(seen[0]) for seen in net.seen] == [1, 1, 1, 1, 1, 1, 1]
    for ours, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, wanted, atol=1e-6)
    assert "going on with 3 tiles" in caplog.text
    net.room = 0
    with pytest.raises(FarmCDError, match="too small for one tile of 16 pixels"):
        predictor.predict(before, after)


def test_memory_that_runs_out_in_the_middle_loses_no_tile():
    before, after = tiles(6)
    expected = Predictor(TinyNet(), tile=TILE).predict(before, after)
    net = TinyNet(room=2)
    predictor = Predictor(net, tile=TILE)
    predictor.batch = 2
    predictor.predict(before[:2], after[:2])
    net.seen.clear()
    net.failing_calls = {net.calls + 2}
    found = predictor.predict(before, after)
    assert [len(seen[0]) for seen in net.seen] == [2, 1, 1, 1, 1]
    for ours, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, wanted, atol=1e-6)


def test_batch_fits_into_the_free_memory():
    assert fitting_batch(10 * 2**30, 2**30) == 8
    assert fitting_batch(2**30, 2**31) == 1
    assert fitting_batch(2**40, 2**20) == LARGEST_BATCH
    assert fitting_batch(2**30, 0) == LARGEST_BATCH


def test_half_precision_is_taken_only_where_it_is_close():
    exact = (np.full((1, 6, 64, 64), 0.5, np.float32), np.full((1, 64, 64), 0.5, np.float32))
    near = tuple(array + 0.009 for array in exact)
    assert close_enough(exact, near)
    far = near[0], near[1].copy()
    far[1][0, :2] += 0.01
    assert not close_enough(exact, far)
    predictor = Predictor(TinyNet(), tile=TILE)
    assert predictor.describe()["precision"] == "float32"
    before, after = tiles(2)
    plain = predictor.predict(before, after)
    predictor.half = True
    rounded = predictor.predict(before, after)
    assert predictor.describe()["precision"] == "bfloat16"
    assert not np.array_equal(plain[0], rounded[0])
    np.testing.assert_allclose(plain[0], rounded[0], atol=0.05)


def test_other_faults_of_the_device_come_out():
    class Broken(TinyNet):
        def forward(self, *_: object):
            raise RuntimeError("CUDA error: device-side assert triggered")

    with pytest.raises(RuntimeError, match="device-side assert"):
        Predictor(Broken(), tile=TILE).predict(*tiles(1))


def test_cpu_always_works_and_auto_finds_something():
    rows = list_devices()
    assert all(set(row) == {"id", "name", "usable", "problem"} for row in rows)
    assert next(row for row in rows if row["id"] == "cpu")["usable"]
    assert choose_device("auto")["id"] == next(row["id"] for row in rows if row["usable"])
    assert choose_device("cpu")["id"] == "cpu"


@pytest.mark.parametrize("wanted", ["cuda:99", "tpu", "mps:3"])
def test_missing_device_is_refused_by_name(wanted: str):
    with pytest.raises(InputError, match=rf"{wanted}.*Usable here: .*cpu") as caught:
        choose_device(wanted)
    assert caught.value.code == "device_unusable"


def test_device_that_fails_its_trial_is_not_used(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    real = devices._probe
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(devices, "_name", lambda device: f"Old card {device}")
    no_kernel = part("trial_failed", reason="no kernel image is available for execution on the device")
    monkeypatch.setattr(devices, "_probe", lambda device: real(device) if device == "cpu" else no_kernel)
    assert [(row["id"], row["usable"]) for row in list_devices()] == [("cpu", True), ("cuda:0", False)]
    with caplog.at_level(logging.WARNING):
        assert choose_device("auto")["id"] == "cpu"
    assert "Old card cuda:0" in caplog.text
    assert "no kernel image" in caplog.text
    with pytest.raises(InputError, match="no kernel image"):
        choose_device("cuda")


def test_trial_reports_a_device_that_cannot_compute():
    assert devices._probe("cpu") is None
    assert devices._probe("meta")["code"] == "trial_failed"
