"""The page of a run in a real browser: it draws what the store holds, asks for nothing, runs nothing of the store."""

from __future__ import annotations

import importlib.util
import json
import shutil
import time

import pytest
from reports import HOSTILE, Page, continual_store, run_store, train_store

from tegmentum.simcore.record.store import RunStore

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
MISSING = [name for name, found in (("chromium", BROWSER), ("chromedriver", DRIVER)) if found is None]
MISSING += [name for name in ("selenium", "plotly") if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}"),
    pytest.mark.filterwarnings("default::ResourceWarning"),  # selenium's
]
PHONE, DESK = 390, 1200


@pytest.fixture(scope="module")
def browser():
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    found = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield found
    found.quit()


@pytest.fixture
def shown(browser, tegmentum, tmp_path):
    """Open the page of a store at a width; nothing may be said in the console, and nothing asked for."""

    def show(store, width=DESK, dark=False):
        file = tmp_path / "page.html"
        done = tegmentum("report", store, "-o", file, "--force")
        assert done.code == 0, done.err
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width == PHONE},
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        browser.get_log("performance")
        browser.get(file.as_uri())
        until = time.monotonic() + 60
        while not browser.execute_script("return document.documentElement.dataset.drawn"):
            assert time.monotonic() < until, browser.get_log("browser")
            time.sleep(0.05)
        assert browser.get_log("browser") == []
        assert asked_for(browser) == {file.as_uri()}
        return Page(file)

    return show


def asked_for(browser) -> set[str]:
    """Return what was requested since the page was opened; data within it is no request."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = {e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"}
    return {url for url in urls if not url.startswith(("data:", "blob:"))}


def plots(browser) -> dict[str, list[dict]]:
    """Return, by heading, what each plot drew: type, name and number of points of its traces."""
    return browser.execute_script(
        """return Object.fromEntries([...document.querySelectorAll(".js-plotly-plot")].map((plot) => [
            plot.closest("figure").querySelector("h3").textContent,
            plot._fullData.map((t) => ({type: t.type, name: t.name, n: t.x ? t.x.length : 0,
                x: t.x ? [...t.x] : [], y: t.y ? [...t.y] : [], z: t.z ? t.z.map((row) => [...row]) : []}))]))"""
    )


def test_a_run_is_drawn(browser, shown, tmp_path):
    page = shown(run_store(tmp_path / "run.zarr"))
    drawn = plots(browser)
    assert drawn.keys() == page.figures.keys()
    assert [trace["n"] for trace in drawn["Spikes of exc, inh"]] == [200, 200]
    assert drawn["Spikes of exc, inh"][0]["x"][:3] == [0.5, 1, 1.5]
    dots = "return document.querySelectorAll('#figure-0-0 .points path').length"
    assert browser.execute_script(dots) == 400
    assert "200" in browser.find_element("xpath", "//tr[th='exc']/td[2]").text


def test_a_training_is_drawn(browser, shown, tmp_path):
    shown(train_store(tmp_path / "train.zarr"))
    drawn = plots(browser)
    assert drawn["Learning curve"][1]["y"] == pytest.approx([50, 62.5, 81.25])
    assert [cell.text for cell in browser.find_elements("xpath", "//tr[th='3']/td")] == ["91.25", "81.25"]
    assert "test accuracy, at the end\n81.25 %" in browser.find_element("css selector", "dl").text
    written = "return [...document.querySelectorAll('#figure-0-1 .heatmap-label')].map((t) => t.textContent)"
    assert browser.execute_script(written) == ["5", "1", "0", "0", "4", "1", "1", "0", "4"]


def test_continual_learning_is_drawn(browser, shown, tmp_path):
    shown(continual_store(tmp_path / "continual.zarr"))
    (matrix,) = plots(browser)["Accuracy matrix"]
    assert matrix["z"][2] == pytest.approx([25, 50, 100])
    assert [cell.text for cell in browser.find_elements("xpath", "//tr[th='3']/td")][:1] == ["58.33"]


def test_an_image_is_drawn_of_many_spikes(browser, shown, tmp_path):
    with RunStore.create(tmp_path / "run.zarr", {}) as store:
        spikes = store.spikes("exc", 300, 0.1)
        spikes.append([k // 30 + 1 for k in range(30_000)], [k % 300 for k in range(30_000)])
        spikes.end_trial(1000)
    shown(tmp_path / "run.zarr")
    (density,) = plots(browser)["Spikes of exc"]
    assert density["type"] == "heatmap"
    assert sum(map(sum, density["z"])) / len(density["z"]) / len(density["z"][0]) == pytest.approx(
        1000, rel=0.01
    )


@pytest.mark.parametrize("make", [run_store, train_store, continual_store])
def test_nothing_is_wider_than_a_phone(browser, shown, tmp_path, make):
    shown(make(tmp_path / "run.zarr"), PHONE)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= PHONE
    widths = (
        "return [...document.querySelectorAll('.main-svg')].map((plot) => plot.getBoundingClientRect().right)"
    )
    assert max(browser.execute_script(widths)) <= PHONE


def test_plots_follow_the_scheme_of_the_system(browser, shown, tmp_path):
    colour = "return getComputedStyle(document.querySelector('.xtick text')).fill"
    shown(train_store(tmp_path / "train.zarr"), dark=True)
    dark = browser.execute_script(colour)
    light = {"name": "prefers-color-scheme", "value": "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [light]})
    until = time.monotonic() + 20
    while browser.execute_script(colour) == dark:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert (dark, browser.execute_script(colour)) == ("rgb(229, 233, 239)", "rgb(28, 36, 48)")
    assert browser.get_log("browser") == []


def test_a_plot_zooms_and_sends_nothing(browser, shown, tmp_path):
    shown(run_store(tmp_path / "run.zarr"))
    titles = "return [...document.querySelectorAll('#plot-0-0 .modebar-btn')].map((b) => b.dataset.title)"
    assert not [title for title in browser.execute_script(titles) if "loud" in title or "hare" in title]
    before, after = browser.execute_script(
        """const plot = document.getElementById("plot-0-0"), range = () => [...plot._fullLayout.xaxis.range];
        const was = range(), button = plot.querySelector('[data-attr="zoom"][data-val="in"]');
        button.dispatchEvent(new MouseEvent("click", {bubbles: true}));
        return [was, range()]"""
    )
    assert after[1] - after[0] < before[1] - before[0]
    assert asked_for(browser) == set()


def test_nothing_of_the_store_runs(browser, shown, tmp_path):
    name = "<script>window.hacked=1</script>"
    image, bold = "<img src=x onerror=window.hacked=1>", "<b>bold</b>"
    with RunStore.create(tmp_path / "run.zarr", {"note": HOSTILE, "dataset": HOSTILE}) as store:
        for population in (name, image, bold):
            store.spikes(population, 4, 0.1).append([1, 2, 3, 9], [0, 1, 1, 1])
        store.levels("<a href='javascript:hacked=1'>dopamine", 2, 0.1).append(0, [1.0, 2.0])
    shown(tmp_path / "run.zarr")
    assert browser.execute_script("return window.hacked === undefined")
    alien = "return document.querySelectorAll('main img, main svg a, main script:not(.figure)').length"
    assert browser.execute_script(alien) == 0
    text = browser.find_element("tag name", "body").text
    assert f"{name}: all 4 spikes" in text
    legend = "return [...document.querySelectorAll('.legendtext')].map((t) => t.textContent)"
    assert {name, image, bold} == {
        text for text in browser.execute_script(legend) if "subpopulation" not in text
    }
