"""The dashboard on phones, wide screens and in dark rooms, measured in a browser."""

import json
import re
from html import unescape

import numpy as np
import pandas as pd
import pytest
import yaml

from benchmark_inverse_problems.judge.metrics import SHARES
from benchmark_inverse_problems.report import dashboard as module
from benchmark_inverse_problems.report.dashboard import dashboard
from benchmark_inverse_problems.solving.failures import FOLDER

from ..conftest import ROOT, Suite
from .test_dashboard import CHROMIUM, dump_dom
from .test_plots import cell, png

PROBLEMS = [
    "div2k_sr2[crop=256,images=bundled,n_images=3]",
    "div2k_sr4[crop=256,images=bundled,n_images=3]",
    "bsd100_sr[crop=256,factor=3,images=bundled,n_images=3]",
    "cbsd68_denoise[crop=256,images=bundled,n_images=3,sigma=25]",
    "cbsd68_poisson[crop=256,gain=0.04,images=bundled,n_images=3]",
    "cbsd68_deblur_gaussian[crop=256,images=bundled,level=medium,n_images=3]",
    "cbsd68_deblur_motion[crop=256,images=bundled,level=medium,n_images=3]",
    "urban100_inpaint[crop=256,images=bundled,mask=random_50,n_images=3]",
    "phantom_ct[angles=60,images=ellipses,n_images=3]",
    "volume_mri[acceleration=4,images=head,n_images=3,size=64]",
]
SOLVERS = [
    "adjoint",
    "pseudoinverse",
    "bicubic",
    "tv[weight=tuned]",
    "wavelet[weight=tuned]",
    "dpir[lambda_=tuned,last=tuned,precision=float32,weights=bundled]",
    "artifact_removal[precision=float32]",
    "pdnet[precision=float32]",
    "ram[precision=float32,variant=full,weights=bundled]",
    "rim[iterations=10,precision=float32,variant=rim]",
    "dip[iterations=300,stopping=own]",
]
SKIPPED, FAILED, OUTSIDE = (PROBLEMS[8], "bicubic"), (PROBLEMS[4], "pdnet"), "ram"


def pictures(rng, wide):
    """The stored pictures of three images, those of a volume three times as wide."""

    def picture():
        shape = (32, 96) if wide else (32, 32, 3)
        return png(rng.randint(0, 255, shape).astype(np.uint8))

    entries = [
        {"name": name, "layout": "the three central slices" if wide else ""}
        | {key: picture() for key in ("truth", "measurement", "reconstruction")}
        for name in "abc"
    ]
    return json.dumps(entries[0] | {"more": entries[1:]})


def results():
    """A default comparison, with numbers that are drawn."""
    rng, rows = np.random.RandomState(0), []
    for p, problem in enumerate(PROBLEMS):
        for s, solver in enumerate(SOLVERS):
            if (problem, solver) == SKIPPED or (
                problem,
                solver.split("[")[0],
            ) == FAILED:
                continue
            known = {
                "objective_device": "cpu (AMD EPYC 9B14)",
                "objective_psnr_null": 20 + s + rng.rand(),
                "objective_outside": "it learned no volumes"
                if solver.startswith(OUTSIDE) and p == 9
                else "",
                "solver_description": "A test.",
            }
            known |= {
                f"objective_coverage_{share}": share / 100 - 0.02 * s
                for share in SHARES
            }
            runtimes = 10 ** (s / 3 - 2 + rng.rand(3))
            scores = 31 - p + 8 * np.sin(s) - 0.3 * rng.rand(3)
            stops = (1, 2, 3) if solver.startswith("dip") else (1,)
            for stop in stops:
                found = cell(
                    problem, solver, scores + stop, runtimes * stop, stop, **known
                )
                rows += found
            rows[-1]["final_results"] = pictures(rng, wide=p == 9)
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    """The page of a default comparison."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    suite = Suite(tmp_path_factory.mktemp("suite"))
    (suite.folder / "outputs" / FOLDER).mkdir(parents=True)
    full = next(name for name in SOLVERS if name.startswith(FAILED[1]))
    record = {"dataset": FAILED[0], "solver": full, "error": "ValueError: too large"}
    (suite.folder / "outputs" / FOLDER / "a.json").write_text(
        json.dumps(record | {"time": 0.0})
    )
    file = suite.folder / "outputs" / "results.parquet"
    results().to_parquet(file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BENCHMARK", suite.folder)
        return dashboard(file).read_text()


# Shows every saved view and measures it; leaves a report in the page.
SURVEYOR = """
const report = {errors: [], views: {}};
window.onerror = message => report.errors.push(message);
window.addEventListener('unhandledrejection', ({reason}) => report.errors.push(String(reason)));
const pause = async () => {
  await window.drawn;
  await new Promise(done => setTimeout(done, 100));
};
const boxes = selector => [...document.querySelectorAll(selector)]
  .map(node => ({node, box: node.getBoundingClientRect()}))
  .filter(({box}) => box.width > 0 && box.height > 0);
const text = node => (node.textContent.trim() || node.id
  || node.getAttribute('class') || node.tagName).slice(0, 40);
const overlap = (a, b) =>
  Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
  && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
const meet = (first, second) => first.flatMap(a => second
  .filter(b => a.node !== b.node && !a.node.contains(b.node) && !b.node.contains(a.node)
    && overlap(a.box, b.box))
  .map(b => `${text(a.node)} / ${text(b.node)}`));
const luminance = colour => {
  const [r, g, b] = colour.match(/[\\d.]+/g).map(Number)
    .map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = node => {
  for (; node; node = node.parentElement) {
    const colour = getComputedStyle(node).backgroundColor;
    if (!/, 0\\)$|transparent/.test(colour)) return colour;
  }
  return 'rgb(255, 255, 255)';
};
const contrast = ({node}) => {
  const [a, b] = [getComputedStyle(node).color, ground(node)].map(luminance);
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
};
const TEXTS = `#page_heading h2, #page_heading p, #page_extras span, #page_extras .dots-note,
  td.heat, .gridjs-td, .gridjs-th-content, span.view, select, #plot_legend .curve,
  #image_container .text-sm, #table_container label span, h2, button, .compare-bar select`;
const measured = () => {
  const found = {};
  const inTable = node => node.closest('.gridjs-wrapper');
  const texts = boxes(TEXTS).filter(({node}) => node.textContent.trim());
  found.wider = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  found.cut = texts.filter(({node, box}) => !inTable(node)
    && (box.left < -1 || box.right > innerWidth + 1
      || (node.tagName !== 'SELECT' && node.scrollWidth > node.clientWidth + 1
        && getComputedStyle(node).display !== 'inline'))).map(({node}) => text(node));
  found.pale = texts.filter(t => getComputedStyle(t.node).fontSize !== '0px'
    && contrast(t) < 4.5).map(t => `${text(t.node)} ${contrast(t).toFixed(1)}`);
  const blocks = boxes(`#page_heading, #page_extras, #table_container, #image_container,
    #plot_with_legend_container, #legend_container, #config_container`);
  const one = selector => meet(boxes(selector), boxes(selector));
  found.overlaps = [
    ...meet(blocks, blocks), ...one('span.view'), ...one('.legend, #plot_legend .curve'),
    ...one('.dots-label'), ...one('.dots-tick'), ...one('.xtick text'), ...one('.ytick text'),
    ...meet(boxes('.xtitle'), boxes('.xtick text')), ...meet(boxes('.ytitle'), boxes('.ytick text')),
    ...one('#image_container .grid > div'), ...one('.annotation-text'), ...meet(boxes('.plot-container'), boxes('#legend_container')),
    ...meet(boxes('.annotation-text'), boxes('.point')),
    ...one('#image_container .grid img, #image_container .grid .text-sm'),
  ];
  const [plot] = boxes('.plotly .nsewdrag');
  found.off = plot ? boxes('.annotation-text').filter(({box}) => box.left < plot.box.left
    || box.right > plot.box.right || box.top < plot.box.top || box.bottom > plot.box.bottom)
    .map(({node}) => text(node)) : [];
  found.axes = boxes('.xtitle, .ytitle, .xtick text, .ytick text').filter(({box}) =>
    box.left < 0 || box.right > innerWidth).map(({node}) => text(node));
  found.names = boxes('.annotation-text').length;
  found.columns = boxes('.gridjs-th').filter(({box}) => box.right <= innerWidth)
    .map(({node}) => node.querySelector('.gridjs-th-content').textContent);
  found.selects = Object.entries(state()).flatMap(([key, value]) =>
    [...document.querySelectorAll(`[id="change_${key}"]`)]
      .filter(node => node.tagName === 'SELECT' && node.value !== value).map(() => key));
  found.tab = document.getElementById('tabs').value;
  found.heading = document.getElementById('page_heading').innerText;
  found.images = boxes('#image_container img, .compare-frame img').length;
  return found;
};
const survey = async () => {
  await pause();
  report.width = innerWidth;
  report.paper = luminance(getComputedStyle(document.body).backgroundColor);
  for (const view of [...document.querySelectorAll('span.view')]) {
    setConfig(view);
    await pause();
    report.views[view.textContent.trim()] = measured();
  }
  for (const [key, value] of Object.entries(EXTRA)) {
    setState(value);
    await pause();
    report.views[key] = measured();
  }
};
window.addEventListener('load', () => survey()
  .catch(error => report.errors.push(String(error))).finally(() => {
    const node = document.createElement('pre');
    node.id = 'report';
    node.textContent = JSON.stringify(report);
    parent.document.body.append(node);
  }));
"""
EXTRA = {
    "another image": {
        "plot_kind": "gallery",
        "gallery_dataset": PROBLEMS[1],
        "gallery_image": "3",
        "gallery_view": "image",
    },
    "a volume": {
        "plot_kind": "gallery",
        "gallery_dataset": PROBLEMS[9],
        "gallery_image": "2",
        "gallery_view": "image",
    },
    "no exact picture": {"plot_kind": "gallery", "gallery_view": "error"},
}
SCREENS = [(390, True), (800, False), (1400, False)]


# Chromium's windows are at least 500 pixels wide. A frame inside may be a phone.
FRAME = """<body style="margin: 0"><script>
const frame = document.createElement('iframe');
Object.assign(frame, {width: WIDTH, height: 1000, srcdoc: PAGE});
frame.style.border = 0;
document.body.append(frame);
</script>"""


def in_frame(html, width):
    """A page in a frame of some width."""
    page = json.dumps(html).replace("</", r"<\/")
    return FRAME.replace("WIDTH", str(width)).replace("PAGE", page)


def survey(html, width, dark, folder):
    """What a browser measures in a frame of some width."""
    end = html.index("<style>")
    script = f"<script>const EXTRA = {json.dumps(EXTRA)};{SURVEYOR}</script>"
    page = folder / "page.html"
    page.write_text(in_frame(html[:end] + script + html[end:], width))
    options = ["--window-size=1600,1000"]
    options += ["--blink-settings=preferredColorScheme=0"] * dark
    dom = dump_dom(page, folder, options)
    found = re.search(r'<pre id="report">(.*?)</pre>', dom, re.DOTALL)
    return json.loads(unescape(found[1]))


@pytest.fixture(scope="module", params=SCREENS, ids=str)
def screen(request, html, tmp_path_factory):
    """(width, what a browser measures there)."""
    width, dark = request.param
    report = survey(html, width, dark, tmp_path_factory.mktemp("browser"))
    assert report["errors"] == [] and report["width"] == width
    assert (report["paper"] < 0.1) == dark, "the page follows the reader's system"
    views = yaml.safe_load((ROOT / "config.yml").read_text())["plot_configs"]
    assert set(report["views"]) == {*views, *EXTRA}
    return width, report["views"]


@pytest.mark.parametrize("problem", ["cut", "overlaps", "off", "axes", "pale"])
def test_nothing_is_cut_or_overlaps_or_is_pale(screen, problem):
    _, views = screen
    assert {
        view: found[problem] for view, found in views.items() if found[problem]
    } == {}


def test_no_page_is_wider_than_the_window(screen):
    _, views = screen
    assert {
        view: found["wider"] for view, found in views.items() if found["wider"] > 0
    } == {}


def test_selects_show_what_is_shown(screen):
    _, views = screen
    for view, found in views.items():
        assert found["selects"] == [], view
        assert view in EXTRA or found["tab"] == view


def test_the_columns_that_matter_are_visible(screen):
    width, views = screen
    overall = views["Best overall"]["columns"]
    assert {"div2k_sr2", "phantom_ct[angles=60,images=ellipses]"} <= set(overall)
    assert overall[:2] == ["Solver", "Mean rank"]
    if width == 1400:
        wanted = {"Wins", "Runtime [s]", "Memory [MB]", "SSIM", "PSNR to best"}
        assert wanted <= set(views["Which method is best"]["columns"])
        assert {"Wins", "PSNR to best"} <= set(overall)


def test_pages_have_names_pictures_and_headings(screen):
    width, views = screen
    assert views["What does it cost"]["names"] >= (4 if width == 390 else 8)
    heading = views["Which method is best"]["heading"]
    assert heading.split("\n\n")[:2] == [
        "div2k_sr2, n = 3 images",
        "crop=256, images=bundled",
    ]
    assert "the three central slices" in views["a volume"]["heading"]
    cards = len(SOLVERS) + 2
    for view in ("another image", "a volume"):
        assert views[view]["images"] == cards + 2 and "image" in views[view]["heading"]
    empty = views["no exact picture"]
    assert empty["images"] == 0 and "drawn for the first image" in empty["heading"]
