"""Draws how a snapshot's wall time grows: an SVG of two panels with its own background, light or dark like the reader's
screen, and light if that is unknown."""

import html

WIDTH, HEIGHT = 920, 396
TOP, BOTTOM = 112, 350
PANELS = ((64, 250), (516, 250))
# Gold, grey and teals; dashes and labels distinguish the lines without colours too.
LINES = {
    ".backup + gzip, growing": ("usual", ".backup + gzip"),
    "tealkeep, first ever, growing": ("first", "first ever"),
    "tealkeep, second night, random": ("random", "second night, random keys"),
    "tealkeep, second night, growing": ("growing", "second night, growing keys"),
}
STYLE = """
    .card { fill: #ffffff; stroke: #d5dddd } text { font: 13px system-ui, sans-serif; fill: #24312f }
    .quiet { fill: #5c6b69 } .title { font-size: 16px; font-weight: 600 } .axis { stroke: #c3cecc } .grid { stroke: #e8eeed }
    .usual { stroke: #9a6b00; fill: #9a6b00 } .first { stroke: #6b7877; fill: #6b7877 }
    .random { stroke: #2b7fb8; fill: #2b7fb8 } .growing { stroke: #00796f; fill: #00796f }
    .line { fill: none !important; stroke-width: 2.5; stroke-linejoin: round } text.label { stroke: none }
    .line.first { stroke-dasharray: 2 5 } .line.random { stroke-dasharray: 9 4 }
    @media (prefers-color-scheme: dark) {
        .card { fill: #14201f; stroke: #2f403e } text { fill: #e4edeb } .quiet { fill: #9fb0ad }
        .axis { stroke: #48605c } .grid { stroke: #223331 } .usual { stroke: #e0b14a; fill: #e0b14a }
        .first { stroke: #a3b1af; fill: #a3b1af } .random { stroke: #6cb6e6; fill: #6cb6e6 }
        .growing { stroke: #3fc6b6; fill: #3fc6b6 }
    }"""


def drawn(found):
    """The SVG of what was found: `sizes` and `shares`, each a row of outcomes by the names of the lines."""
    sizes, shares = list(found["sizes"]), list(found["shares"])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{html.escape(spoken(found))}">',
        f"<style>{STYLE}\n</style>",
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="10"/>',
        words(24, 34, "What a night's snapshot takes, in seconds", "title"),
        words(24, 56, found["machine"], "quiet"),
    ]
    # Sizes stand where they belong on a line from nothing; shares, from none to all, one beside the other.
    parts += panel(PANELS[0], f"by the size of the database, {100 * found['share']:g} % of the rows changed",
                   [(size / sizes[-1], named(size)) for size in sizes], found["sizes"], lasting=len(sizes) - 3)
    parts += panel(PANELS[1], f"by the share of the rows that changed, at {named(found['at'])}",
                   [(number / (len(shares) - 1), f"{100 * share:g} %") for number, share in enumerate(shares)],
                   found["shares"])
    return "\n".join([*parts, "</svg>"]) + "\n"


def panel(place, title, marks, rows, lasting=0):
    """One panel; only the last marks of the axis have words, from the one numbered `lasting`."""
    left, width = place
    lines = {name: [row[name]["wall"] for row in rows.values()] for name in LINES if name in next(iter(rows.values()))}
    top, step = scale(max(max(values) for values in lines.values()))
    down = lambda value: BOTTOM - (BOTTOM - TOP) * value / top
    along = [left + width * share for share, _ in marks]
    parts = [words(left - 40, TOP - 20, title)]
    value = 0
    while value <= top * 1.0001:
        parts.append(ruled("grid" if value else "axis", left, down(value), left + width, down(value)))
        parts.append(words(left - 8, down(value) + 4, f"{value:g} s" if value else "0", "quiet", "end"))
        value += step
    for number, (x, (_, mark)) in enumerate(zip(along, marks)):
        parts.append(ruled("axis", x, BOTTOM, x, BOTTOM + 5))
        if number >= lasting:
            parts.append(words(x, BOTTOM + 21, mark, "quiet", "middle"))
    for name, values in lines.items():
        points, kind = [(x, down(value)) for x, value in zip(along, values)], LINES[name][0]
        parts.append(f'<polyline class="line {kind}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>')
        parts += [f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in points]
    ends = [(down(values[-1]), name, values[-1]) for name, values in lines.items()]
    for y, (_, name, value) in zip(apart([end[0] for end in sorted(ends)]), sorted(ends)):
        label = LINES[name][1].split(", ")
        parts.append(words(left + width + 10, y + 1, label[0], f"label {LINES[name][0]}"))
        rest = f"{label[1]}, " if len(label) > 1 else ""
        parts.append(words(left + width + 10, y + 15, f"{rest}{seconds(value)}", "quiet"))
    return parts


def apart(heights, least=33):
    """Heights of labels, pushed apart where they would lie on each other, the lowest no lower than the axis."""
    placed = list(heights)
    placed[-1] = min(placed[-1], BOTTOM - 8)
    for number in range(len(placed) - 2, -1, -1):
        placed[number] = min(placed[number], placed[number + 1] - least)
    for number, height in enumerate(placed):
        lowest = TOP if number == 0 else placed[number - 1] + least
        placed[number] = max(height, lowest)
    return placed


def scale(most):
    """The top of an axis and its step: about five of them, each 1, 2 or 5 times a power of ten."""
    step = 10.0 ** -3
    while True:
        for factor in (1, 2, 5):
            if step * factor * 5.5 >= most:
                step *= factor
                count = -int(-most // step)
                return count * step, step
        step *= 10


def spoken(found):
    """The plot in a sentence."""
    last, most = list(found["sizes"].items())[-1], list(found["shares"].items())[-1]
    each = lambda row: "; ".join(f"{LINES[name][1]} {seconds(row[name]['wall'])}" for name in LINES if name in row)
    return (f"At {named(last[0])}: {each(last[1])}. With {100 * most[0]:g} % of the rows changed at {named(found['at'])}: "
            f"{each(most[1])}.")


def seconds(value):
    return f"{value:.2g} s" if value < 10 else f"{value:.0f} s"


def named(mebibytes):
    return f"{mebibytes // 1024} GiB" if mebibytes % 1024 == 0 else f"{mebibytes} MiB"


def ruled(kind, x1, y1, x2, y2):
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def words(x, y, text, classes="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{classes}" text-anchor="{anchor}">{html.escape(text)}</text>'
