"""The bench's picture: SVG that follows the reader's light or dark, made of texts and shapes alone."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from .results import Results
from .sizes import ENGINES, INPUTS, Curve

_WIDTH, _MARGIN = 860, 20
# Where bars begin and how wide the widest is; how high a row and a plot are.
_BARS, _WIDEST, _ROW, _PLOT = 250, 360, 22, 170
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-size: 17px; font-weight: 600 } .head { font-weight: 600 } .small { font-size: 11px; fill: #57606a }
.end { text-anchor: end } .middle { text-anchor: middle }
.paper { fill: #ffffff } .ours { fill: #0969da } .other { fill: #afb8c1 } .over { fill: #cf222e }
.limit { stroke: #24292f; stroke-width: 2 } .axis { stroke: #8c959f; fill: none } .line { fill: none; stroke-width: 2 }
.s0 { stroke: #0969da } .s1 { stroke: #1a7f37 } .s2 { stroke: #bf8700 } .s3 { stroke: #8250df } .s4 { stroke: #cf222e }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .small { fill: #9198a1 } .paper { fill: #0d1117 } .ours { fill: #4493f8 }
  .other { fill: #59636e } .over { fill: #f85149 } .limit { stroke: #e6edf3 } .axis { stroke: #656c76 }
  .s0 { stroke: #4493f8 } .s1 { stroke: #3fb950 } .s2 { stroke: #d29922 } .s3 { stroke: #ab7df8 }
  .s4 { stroke: #f85149 }
}"""


class _Sheet:
    """Shapes, one below the other; `y` is where the next goes."""

    def __init__(self) -> None:
        self.y = 0.0
        self._shapes: list[str] = []

    def text(self, x: float, y: float, text: str, kind: str = "") -> None:
        self._shapes.append(f'<text x="{x:.0f}" y="{y:.0f}" class="{kind}">{escape(text)}</text>')

    def bar(self, x: float, width: float, kind: str) -> None:
        """In the row at `y`."""
        self._shapes.append(
            f'<rect x="{x:.0f}" y="{self.y - 11:.0f}" width="{max(width, 1):.1f}" height="14" rx="2" class="{kind}"/>'
        )

    def path(self, points: Sequence[tuple[float, float]], kind: str) -> None:
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._shapes.append(f'<polyline points="{line}" class="{kind}"/>')

    def svg(self) -> str:
        height = f"{self.y:.0f}"
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
            f'viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="What a first boot costs">'
        )
        paper = f'<rect width="{_WIDTH}" height="{height}" class="paper"/>'
        return "\n".join([head, f"<style>{_STYLE}</style>", paper, *self._shapes, "</svg>\n"])


def picture(results: Results) -> str:
    """The whole of it."""
    sheet = _Sheet()
    _title(sheet, results)
    if results.agents:
        _agents(sheet, results)
    if results.ratios:
        _ratios(sheet, results)
    if results.curves:
        _curves(sheet, results.curves)
    return sheet.svg()


def _title(sheet: _Sheet, results: Results) -> None:
    facts = results.facts
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items() if name != "strace")
    sheet.text(_MARGIN, 30, "What a first boot costs", "title")
    machine = f"{facts['processors']} x {facts['processor']}, Linux {facts['kernel']}"
    sheet.text(_MARGIN, 50, f"azready {facts['azready']} on {facts['system']}, {machine}, {facts['date']}", "small")
    sheet.text(_MARGIN, 66, f"{versions}; medians of {results.rounds} rounds", "small")
    sheet.y = 66


def _head(sheet: _Sheet, text: str, remark: str) -> None:
    sheet.y += 34
    sheet.text(_MARGIN, sheet.y, text, "head")
    sheet.text(_BARS, sheet.y, remark, "small")


def _agents(sheet: _Sheet, results: Results) -> None:
    _head(
        sheet, "Whole first boot", "processor time of all processes, beside one emulator; peak memory; packages to add"
    )
    most = max(row["cpu_ms"] for row in results.agents)
    for row in results.agents:
        sheet.y += _ROW
        ours = row["agent"].startswith("azready")
        width = _WIDEST * row["cpu_ms"] / most
        sheet.text(_MARGIN, sheet.y, f"{row['agent']} {'' if ours else row['version']}")
        sheet.bar(_BARS, width, "ours" if ours else "other")
        figures = f"{row['cpu_ms'] / 1000:.2f} s, {row['memory_kb'] / 1024:.0f} MB, {len(row['packages'])} packages"
        sheet.text(_BARS + width + 8, sheet.y, figures)


def _ratios(sheet: _Sheet, results: Results) -> None:
    _head(sheet, "Beside the bare work", "times the processor time; the line is the limit")
    rows = [ratio for ratio in results.ratios if ratio.row.at_most >= 1]
    most = max(max(ratio.ratio, ratio.row.at_most) for ratio in rows)
    for ratio in rows:
        sheet.y += _ROW
        width, limit = _WIDEST * ratio.ratio / most, _BARS + _WIDEST * ratio.row.at_most / most
        sheet.text(_MARGIN, sheet.y, ratio.row.work)
        sheet.bar(_BARS, width, "ours" if ratio.is_met else "over")
        sheet.path([(limit, sheet.y - 14), (limit, sheet.y + 5)], "limit")
        sheet.text(max(_BARS + width, limit) + 8, sheet.y, f"{ratio.ratio:.1f} x {ratio.row.against}")


def _curves(sheet: _Sheet, curves: Sequence[Curve]) -> None:
    _head(sheet, "Size of the input", "ms of processor time, the shell engine with each awk")
    top, width = sheet.y + 20, (_WIDTH - 2 * _MARGIN) / len(INPUTS)
    most = max(max(curve.cpu) for curve in curves)
    for number, given in enumerate(INPUTS):
        left = _MARGIN + number * width + 40
        right, bottom = left + width - 60, top + _PLOT
        sheet.path([(left, top), (left, bottom), (right, bottom)], "axis")
        for part in (0.0, 0.5, 1.0):
            sheet.text(left - 6, bottom - part * _PLOT + 4, f"{part * most:.0f}", "small end")
        sheet.text(right, bottom + 16, f"{given.sizes[-1]} {given.name}", "small end")
        for curve in curves:
            if curve.input == given.name:
                points = [
                    (left + (right - left) * size / given.sizes[-1], bottom - _PLOT * cpu / most)
                    for size, cpu in zip(curve.sizes, curve.cpu, strict=True)
                ]
                sheet.path(points, f"line s{ENGINES.index(curve.engine)}")
    sheet.y = top + _PLOT + 40
    for number, engine in enumerate(ENGINES):
        left = _MARGIN + 40 + number * 150
        sheet.path([(left, sheet.y - 4), (left + 20, sheet.y - 4)], f"line s{number}")
        sheet.text(left + 26, sheet.y, engine, "small")
    sheet.y += 20
