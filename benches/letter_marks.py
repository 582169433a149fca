"""Sets the weights by which the check `text` tells which accent a letter has.

    pip install onnx onnxruntime scikit-learn pillow fonttools
    python benches/letter_marks.py see MODELS FONTS OUT.npz SEED LINES
    python benches/letter_marks.py fit core/checks/ocr/marks/weights.rs OUT.npz...

`see` draws lines as `letter_damage.py` does, whole ones, and changes accents at random, so that no word says which accent
a letter has: that is what the recogniser goes by where it reads one that is not there, or none where there is one. Of each
letter it keeps what the network sees at its step (384 numbers of the last convolution, 120 before the letter is named).
`fit` fits a multinomial logistic regression, prints how well it does on families of fonts that it was not fitted on, and
writes the weights of one that is fitted on all.
"""

import sys
import unicodedata
import zlib
from pathlib import Path

import numpy as np

from letter_damage import SEEN, Lines, family

# None, then combining marks, the last for a stroke through the letter; a comma below looks like a cedilla.
MARKS = ["", *"\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327\u0328\u0338"]
STROKES = {"ø": "o", "ł": "l", "đ": "d", "Ø": "O", "Ł": "L", "Đ": "D"}
SAME = {"\u0326": "\u0327"}
# Letters that have accents in the languages that the check is measured in.
PAIRS = {
    "\u0300": "aeiou", "\u0301": "acegilnorsuyz", "\u0302": "aceiosu", "\u0303": "ano", "\u0304": "aeiou",
    "\u0306": "ag", "\u0307": "cez", "\u0308": "aeiouy", "\u030a": "au", "\u030b": "ou", "\u030c": "cdeinrstz",
    "\u0326": "st", "\u0327": "cs", "\u0328": "aeiu",
    "\u0338": "dlo",
}  # fmt: skip


def composed(bare, mark):
    """The letter with the mark; the bare one where there is none with it."""
    if mark == "\u0338":
        return next((letter for letter, of in STROKES.items() if of == bare), bare)
    letter = unicodedata.normalize("NFC", bare + mark)
    return letter if len(letter) == 1 else bare


def parts(letter):
    """A letter in lower case without its mark, and the mark; nothing where it has several."""
    bare, *marks = unicodedata.normalize("NFD", letter)
    if len(marks) > 1:
        return None
    if letter in STROKES:
        bare, marks = STROKES[letter], ["\u0338"]
    mark = SAME.get(marks[0], marks[0]) if marks else ""
    return (bare.lower(), mark) if mark in MARKS else None


class Accented(Lines):
    """Lines of whole words whose accents are changed at random."""

    def __init__(self, fonts, seed, known):
        super().__init__(fonts, seed, 1.0, False)
        self.known, self.hurt = known, 0

    def phrase(self):
        dice, text = self.dice, super().phrase()
        marks = dice.sample(sorted(PAIRS), dice.choice([1, 2, 2, 3, 4]))
        made = []
        for letter in text:
            found = parts(letter)
            if found is None or not letter.isalpha() or dice.random() < 0.2:
                made.append(letter)
                continue
            bare = STROKES.get(letter) or unicodedata.normalize("NFD", letter)[0]
            fit = [mark for mark in marks if found[0] in PAIRS[mark]]
            changed = composed(bare, dice.choice(["", *fit]) if fit else "")
            made.append(changed if changed in self.known else bare)
        return "".join(made)


def see(models, fonts, out, seed, count):
    import onnx
    import onnxruntime

    model = onnx.load(f"{models}/text-recognition.onnx")
    listed = next(entry.value for entry in model.metadata_props if entry.key == "character")
    classes, known = {}, set()
    names = ["", *listed.splitlines(), " "]
    for index, letter in enumerate(names):
        if len(letter) == 1 and letter.isalpha() and parts(letter):
            classes.setdefault(parts(letter)[0], []).append(index)
            known.add(letter)
    for name in SEEN:
        model.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    lines, kept, done = Accented(fonts, seed, known), [], 0
    while done < count:
        try:
            drawn = lines.line()
        except OSError:  # A font that can't be drawn with.
            continue
        if drawn is None:
            continue
        pixels, letters, path = drawn
        done += 1
        width = max(320, -(-pixels.shape[1] // 32) * 32)
        planes = np.zeros((1, 3, 48, width), "f")
        planes[0, :, :, : pixels.shape[1]] = pixels[:, :, ::-1].transpose(2, 0, 1) * (2 / 255) - 1
        read, shape, context = session.run([session.get_outputs()[0].name, *SEEN], {"x": planes})
        for letter, _, middle in letters:
            steps = range(max(0, int(middle / 8 - 1.2)), min(read.shape[1], int(middle / 8 + 1.2) + 1))
            found = parts(letter)
            if not letter.isalpha() or found is None or found[0] not in "acdegilnorstuyz" or not steps:
                continue
            shares = read[0, steps][:, classes[found[0]]].sum(1)
            if shares.max() < 0.3:
                continue
            step = steps[int(shares.argmax())]
            named = names[int(read[0, step].argmax())]
            seen = np.concatenate([shape[0, :, 0, step], context[0, :, step]])
            right = parts(named) == found if len(named) == 1 else False
            kept.append((seen.astype("f2"), found[0], MARKS.index(found[1]), letter.isupper(), right, family(path)))
    seen, bare, mark, upper, right, fonts = (np.array(column) for column in zip(*kept))
    np.savez(out, seen=seen, bare=bare, mark=mark, upper=upper, right=right, family=fonts)
    print(f"{out}: {len(mark)} letters, {(mark > 0).sum()} with a mark, {right.mean():.1%} read right")


def fit(target, files):
    from sklearn.linear_model import LogisticRegression

    loaded = [np.load(file) for file in files]
    seen, bare, mark, right, fonts = (
        np.concatenate([part[name] for part in loaded]) for name in ("seen", "bare", "mark", "right", "family")
    )
    known = ["".join(sorted(letters)) for letters in can_have()]
    fits = np.array([[number == 0 or letter in known[number] for number in range(len(MARKS))] for letter in bare])
    some = fits[np.arange(len(mark)), mark] & (fits.sum(1) > 1)
    seen, mark, right, fonts, fits = seen[some].astype("f4"), mark[some], right[some], fonts[some], fits[some]
    fold = np.array([zlib.crc32(name.encode()) % 5 for name in fonts])

    def fitted(rows):
        mean, spread = seen[rows].mean(0), seen[rows].std(0) + 1e-6
        model = LogisticRegression(C=0.1, max_iter=200).fit((seen[rows] - mean) / spread, mark[rows])
        weights = model.coef_ / spread
        return weights, model.intercept_ - weights @ mean

    leads = np.zeros(len(mark))
    for held in range(5):
        weights, biases = fitted(fold != held)
        rows = np.flatnonzero(fold == held)
        scores = np.where(fits[rows], seen[rows] @ weights.T + biases, -np.inf)
        own = scores[np.arange(len(rows)), mark[rows]]
        scores[np.arange(len(rows)), mark[rows]] = -np.inf
        leads[rows] = own - scores.max(1)
    print(f"{len(mark)} letters; fonts not fitted on; right: the drawn accent leads, wrong: another leads by more than 2")
    for name, rows in (("named right by the network", right), ("named wrong", ~right)):
        print(f"  {name}: {rows.sum()}, right {(leads[rows] > 0).mean():.2%}, wrong {(leads[rows] < -2).mean():.2%}")
    for number, name in enumerate(MARKS):
        rows = mark == number
        shown = unicodedata.name(name) if name else "none"
        print(f"  {shown}: {rows.sum()}, the network {right[rows].mean():.1%}, right {(leads[rows] > 0).mean():.1%}")
    weights, biases = fitted(np.full(len(mark), True))
    thousandths = np.round(weights * 1000).astype(int)
    assert abs(thousandths).max() < 32768
    lines = []
    for row in thousandths:
        cells = [", ".join(map(str, row[start : start + 28])) for start in range(0, len(row), 28)]
        lines.append("    [\n        " + ",\n        ".join(cells) + ",\n    ],\n")
    Path(target).write_text(
        "//! The weights of the regression: written by `benches/letter_marks.py`.\n\n"
        "/// The letters that may have an accent, by the accent's number.\n#[rustfmt::skip]\n"
        f"pub(super) const KNOWN: [&str; {len(MARKS)}] = [\n    "
        + ", ".join(f'"{letters}"' for letters in known)
        + ",\n];\n\n/// Added to the sum of each accent.\n#[rustfmt::skip]\n"
        f"pub(super) const BIASES: [f32; {len(MARKS)}] = [\n    "
        + ", ".join(f"{bias:.3f}" for bias in biases)
        + ",\n];\n\n/// In thousandths, for each accent one for each channel: 384 of the shape, 120 of the context.\n#[rustfmt::skip]\n"
        f"pub(super) const WEIGHTS: [[i16; {weights.shape[1]}]; {len(MARKS)}] = [\n{''.join(lines)}];\n"
    )


def can_have():
    """The letters that may have each mark."""
    letters = [set() for _ in MARKS]
    for mark, bare in PAIRS.items():
        letters[MARKS.index(SAME.get(mark, mark))] |= set(bare)
    return letters


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "see":
        models, fonts, out, seed, count = rest
        see(models, fonts, out, int(seed), int(count))
    else:
        fit(rest[0], rest[1:])
