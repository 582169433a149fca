"""Sets the weights by which the check `text` tells damaged letters from whole ones.

    pip install onnx onnxruntime scikit-learn pillow fonttools
    python benches/letter_damage.py see MODELS FONTS OUT.npz SEED LINES SHARE_OF_LATIN [styled]
    python benches/letter_damage.py fit core/checks/ocr/damage/weights.rs OUT.npz...

`see` draws lines of words with the fonts of a folder, damages some letters, lets the recogniser read them, and keeps of
each letter that is still read right what the network sees at its step: the shape (384 numbers of the last convolution,
averaged) and the context (120 numbers, before the letter is named). `styled` draws outlines and letters of squares, which
are whole as they are, and with damages of their own. `fit` fits a logistic regression, prints how well it
does on families of fonts that it was not fitted on, and writes the weights of one that is fitted on all.

The weights in use are fitted on 7,500 lines with a share of Latin of 0.78, 1,200 with 0.1 and, styled, 1,000 with 0.92.
The damages are those of `presscheck measure draw` (src/measure/draw/damage.rs), the words are its words; the pictures on
which docs/checks.md reports are drawn by it, with seeds of its own.
"""

import io
import random
import re
import sys
import zlib
from pathlib import Path

import numpy as np

WORDS = Path(__file__).parent.parent / "src/measure/draw/words.rs"
SEEN = ["p2o.pd_op.pool2d.1.0", "p2o.pd_op.squeeze.0.0"]
NO_LETTERS = re.compile(
    "Keyboard|Initials|Symbol|Dingbat|Emoji|Music|SignWriting|LastResort|Blank|Icon|Thin|ExtraLight|Hairline", re.I
)
OWN_MIRROR = "AÀÁÂÃÄÅĂĄHIÌÍÎÏİMOÒÓÔÕÖŐTUÙÚÛÜŰŮVWXYÝiìíîïıloòóôõöőuùúûüűůvwxyý018"
KINDS = ["break", "hybrid", "mirror", "break", "hybrid", "tofu"]


def family(path):
    """The first word of a font file's name: fonts of one design are fitted on together or not at all."""
    return re.sub(r"[-_ ].*", "", Path(path).name)[:8]


def change(one, other):
    """The share of a letter's ink by which another differs."""
    height, width = max(one.shape[0], other.shape[0]), max(one.shape[1], other.shape[1])
    both = np.zeros((2, height, width), int)
    both[0, : one.shape[0], : one.shape[1]] = one
    both[1, : other.shape[0], : other.shape[1]] = other
    return abs(both[0] - both[1]).sum() / max(1, both[0].sum())


def glyph(font, letter, style=None):
    """A letter's ink, its left side, and its top above the baseline."""
    from PIL import Image, ImageFilter

    kind, share = style or ("", 0)
    times = 1
    if kind == "squares":
        small = font.font_variant(size=max(8, round(font.size / share)))
        times, font = max(1, round(font.size / small.size)), small
    mask, box = font.getmask(letter, mode="1" if kind == "squares" else "L"), font.getbbox(letter, anchor="ls")
    width, height = mask.size
    if not width or not height:
        return None
    ink = np.array(mask, np.uint8).reshape(height, width)
    if kind == "squares":
        ink = np.kron((ink > 0).astype(np.uint8) * 255, np.ones((times, times), np.uint8))
    if kind == "outline":
        rim = max(1, round(font.size * share))
        ink = np.pad(ink, rim)
        grown = Image.fromarray(ink).filter(ImageFilter.MaxFilter(2 * rim + 1))
        return np.array(grown) - ink, box[0] - rim, rim - box[1]
    return ink, box[0] * times, -box[1] * times


def spoilt(letter, whole, kind, font, text, size, dice, style):
    """A damaged letter, or nothing where it would not be seen."""
    from PIL import Image

    mask, left, top = whole
    height, width = mask.shape
    if kind == "tofu":
        tall, wide = round(max(size * 0.72, min(height, size * 0.9))), round(max(width, size * 0.4))
        line = int(max(size * 0.055, 1.5) + 0.5)
        box = np.full((tall, wide), 255, np.uint8)
        box[line : tall - line, line : wide - line] = 0
        return box, left + (width - wide) // 2, tall
    if kind == "hybrid":
        other = glyph(font, dice.choice([c for c in text if c.isalnum()]), style)
        if other is None:
            return None
        other = np.array(Image.fromarray(other[0]).resize((width, height), Image.BILINEAR))
        made = np.concatenate([mask[: height // 2], other[height // 2 :]])
        if change(made, other) < 0.3 or change(mask, made) < 0.3:
            return None
    elif kind == "break":
        angle = dice.choice([0, 0.785, 1.571, 2.356])
        cos, sin = np.cos(angle), np.sin(angle)
        reach = max(abs(width * cos), 1) + abs(height * sin)
        middle, half = dice.uniform(-0.4, 0.4) * reach, dice.uniform(0.08, 0.2) * reach
        y, x = np.mgrid[:height, :width]
        along = (x + 0.5 - width / 2) * cos + (y + 0.5 - height / 2) * sin
        made = np.where(abs(along - middle) < half, 0, mask).astype(np.uint8)
        if change(mask, made) > 0.55:
            return None
    else:
        made = mask[:, ::-1]
        shifts = [np.roll(made, step, 1) for step in (-2, -1, 0, 1, 2)]
        if letter in OWN_MIRROR or any(change(mask, shifted) < 0.3 for shifted in shifts):
            return None
    return (made, left, top) if change(mask, made) > 0.2 else None


class Lines:
    """Lines of words with damaged letters, 48 pixels tall."""

    def __init__(self, fonts, seed, latin, styled):
        from fontTools.ttLib import TTFont

        self.dice, self.latin, self.styled, self.maps, self.open = random.Random(seed), latin, styled, {}, TTFont
        # The share of lines with damaged letters.
        self.hurt = 0.75
        files = sorted(path for end in ("ttf", "otf", "ttc") for path in Path(fonts).rglob(f"*.{end}"))
        families = {}
        for path in files:
            if not NO_LETTERS.search(path.name):
                families.setdefault(family(path), []).append(path)
        self.families = list(families.values())
        source = WORDS.read_text().split("UNREAD")[0]
        words = lambda part: re.findall(r'"([^"]+)"', part)
        self.cjk = [words(part) for part in re.findall(r"words: &\[(.*?)\]", source, re.S)]
        latin_list = r'latin\(\s*"\w+",\s*(?:LATIN|"[^"]*"),\s*&\[(.*?)\],?\s*\)'
        self.words = [words(part) for part in re.findall(latin_list, source, re.S)]

    def phrase(self):
        dice = self.dice
        if dice.random() >= self.latin:
            return "".join(dice.sample(dice.choice(self.cjk), dice.choice([1, 2, 2, 3])))
        known = dice.choice(self.words)
        if dice.random() < 0.3:
            # Letters at random, so that rare ones get their share.
            letters = sorted(set("".join(known)))
            words = ["".join(dice.choices(letters, k=dice.randint(3, 8))) for _ in range(dice.randint(1, 3))]
        else:
            words = dice.sample(known, dice.choice([1, 2, 2, 3]))
        casing = dice.choice("UUTTSL")
        if casing == "U":
            words = [word if "ß" in word else word.upper() for word in words]
        elif casing == "T":
            words = [word[0].upper() + word[1:] for word in words]
        elif casing == "S":
            words[0] = words[0][0].upper() + words[0][1:]
        if dice.random() < 0.2:
            words.append(dice.choice(["24", "7", "2026", "50%", "365", "#1", "1998", "3489", "607"]))
        return " ".join(words) + (dice.choice("!?.") if dice.random() < 0.12 else "")

    def has(self, path, text):
        if path not in self.maps:
            try:
                self.maps[path] = set(self.open(path, fontNumber=0, lazy=True).getBestCmap() or {})
            except Exception:
                self.maps[path] = set()
        return all(ord(letter) in self.maps[path] for letter in text if letter != " ")

    def line(self):
        """The pixels; for each letter it, its kind of damage and the middle of its columns; the font."""
        from PIL import Image, ImageFont

        dice = self.dice
        text, path = self.phrase(), dice.choice(dice.choice(self.families))
        if not self.has(path, text):
            return None
        size = int(26 * (120 / 26) ** dice.random())
        font = ImageFont.truetype(str(path), size)
        style = None
        if self.styled:
            outline = dice.random() < 0.35
            style = ("outline", dice.uniform(0.02, 0.05)) if outline else ("squares", size / dice.randint(9, 16))
        places = [index for index, letter in enumerate(text) if letter.isalnum()]
        hurt = dice.sample(places, max(1, len(places) // 4)) if places and dice.random() < self.hurt else []
        tracking = dice.uniform(0.04, 0.22) * size if dice.random() < 0.2 else 0
        drawn, letters = [], []
        for index, letter in enumerate(text):
            if letter == " ":
                continue
            made, kind = glyph(font, letter, style), ""
            if made is None or made[0].max() < 60:
                return None
            for _ in range(6 if index in hurt else 0):
                tried = dice.choice(KINDS)
                damaged = spoilt(letter, made, tried, font, text, size, dice, style)
                if damaged is not None:
                    made, kind = damaged, tried
                    break
            drawn.append((font.getlength(text[:index]) + tracking * index, made))
            letters.append((letter, kind))
        start = min(x + left for x, (_, left, _) in drawn)
        end = max(x + left + mask.shape[1] for x, (mask, left, _) in drawn)
        top = min(-above for _, (_, _, above) in drawn)
        low = max(mask.shape[0] - above for _, (mask, _, above) in drawn)
        wide, tall, pad = int(end - start) + 1, int(low - top) + 1, int(size * 0.8) + 4
        ink, middles = np.zeros((tall + 2 * pad, wide + 2 * pad), np.uint8), []
        for x, (mask, left, above) in drawn:
            column, row = round(x + left - start) + pad, round(-above - top) + pad
            part = ink[row : row + mask.shape[0], column : column + mask.shape[1]]
            np.maximum(part, mask[: part.shape[0], : part.shape[1]], out=part)
            middles.append(column + mask.shape[1] / 2)
        picture = self.painted(ink, size)
        # Cut as the detector's boxes are: some room around, turned by up to two degrees.
        above, below = dice.uniform(0.02, 0.2) * tall, dice.uniform(0.02, 0.2) * tall
        before, after = dice.uniform(0.1, 0.4) * tall, dice.uniform(0.1, 0.4) * tall
        left, upper = pad - before, pad - above
        box_wide, box_tall = wide + before + after, tall + above + below
        width = round(48 * box_wide / box_tall)
        if not 24 <= width <= 1200:
            return None
        slope = np.tan(np.radians(dice.uniform(-2, 2) if dice.random() < 0.4 else 0))
        times = max(1, min(6, round(box_tall / 48)))
        across, down = box_wide / width / times, box_tall / 48 / times
        turned = (across, 0, left, slope * across, down, upper - slope * box_wide / 2)
        cut = picture.transform((width * times, 48 * times), Image.AFFINE, turned, Image.BILINEAR)
        cut = cut.resize((width, 48), Image.BOX) if times > 1 else cut
        middles = [(middle - left) / box_wide * width for middle in middles]
        return np.array(cut), [(*letter, middle) for letter, middle in zip(letters, middles)], path

    def painted(self, ink, size):
        """Letters on a ground, with a shadow or an outline now and then, softness, grain and JPEG."""
        from PIL import Image, ImageFilter

        dice, (height, width) = self.dice, ink.shape
        noise = np.random.RandomState(dice.randint(0, 1 << 30))
        luminance = lambda colour: (colour / 255) ** 2.2 @ [0.2126, 0.7152, 0.0722]
        ground = np.array([dice.randint(0, 255) for _ in range(3)], float)
        for _ in range(40):
            colour = np.array([dice.randint(0, 255) for _ in range(3)], float)
            if dice.random() < 0.5:
                colour = np.array(dice.choice([[255, 255, 255], [12, 12, 14], [200, 20, 30]]), float)
            dark, light = sorted([luminance(colour), luminance(ground)])
            least = 1.9 if size >= 44 and dice.random() < 0.25 else 3
            if (light + 0.05) / (dark + 0.05) >= least:
                break
        y, x = np.mgrid[:height, :width]
        waves = np.sin(x / dice.uniform(15, 90) + dice.random() * 6 + y / dice.uniform(15, 90))
        picture = ground + dice.choice([0, 0, 10, 25]) * waves[..., None]
        if dice.random() < 0.25:
            cells = noise.randn(max(2, height // dice.randint(2, 8)), max(2, width // dice.randint(2, 8)))
            clouds = Image.fromarray(cells.astype("f")).resize((width, height), Image.BILINEAR)
            picture = picture + dice.uniform(3, 14) * np.array(clouds)[..., None]
        share, effect, bright = ink[..., None] / 255, dice.random(), luminance(colour)
        if effect < 0.2:
            away = round(max(1.5, size * dice.uniform(0.03, 0.08)))
            shadow = np.roll(ink, (away, away), (0, 1))[..., None] / 255 * dice.uniform(0.3, 0.7)
            picture = picture * (1 - shadow) + shadow * (0 if bright > 0.1 else 255)
        elif effect < 0.3:
            reach = round(max(1, size * dice.uniform(0.03, 0.06)))
            around = Image.fromarray(ink).filter(ImageFilter.MaxFilter(2 * reach + 1))
            around = np.array(around)[..., None] / 255
            picture = picture * (1 - around) + around * (11 if bright > 0.3 else 251)
        picture = picture * (1 - share) + share * colour
        if dice.random() < 0.5:
            picture = picture + noise.randn(height, width, 1) * dice.uniform(0.5, 6)
        image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
        if dice.random() < 0.35:
            image = image.filter(ImageFilter.GaussianBlur(dice.uniform(0.3, 0.7)))
        if dice.random() < 0.4:
            file = io.BytesIO()
            image.save(file, "JPEG", quality=dice.randint(72, 95))
            image = Image.open(file).convert("RGB")
        return image


def see(models, fonts, out, seed, count, latin, styled):
    import onnx
    import onnxruntime

    model = onnx.load(f"{models}/text-recognition.onnx")
    listed = next(entry.value for entry in model.metadata_props if entry.key == "character")
    classes = {}
    for index, letter in enumerate(["", *listed.splitlines(), " "]):
        classes.setdefault(letter.lower(), []).append(index)
    for name in SEEN:
        model.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    lines, kept, done = Lines(fonts, seed, latin, styled), [], 0
    while done < count:
        drawn = lines.line()
        if drawn is None:
            continue
        done += 1
        pixels, letters, path = drawn
        width = max(320, -(-pixels.shape[1] // 32) * 32)
        planes = np.zeros((1, 3, 48, width), "f")
        planes[0, :, :, : pixels.shape[1]] = pixels[:, :, ::-1].transpose(2, 0, 1) * (2 / 255) - 1
        read, shape, context = session.run([session.get_outputs()[0].name, *SEEN], {"x": planes})
        for letter, kind, middle in letters:
            steps = range(max(0, int(middle / 8 - 1.2)), min(read.shape[1], int(middle / 8 + 1.2) + 1))
            of = classes.get(letter.lower())
            if not letter.isalnum() or not of or not steps:
                continue
            shares = read[0, steps][:, of].sum(1)
            if shares.max() >= 0.5:
                step = steps[int(shares.argmax())]
                seen = np.concatenate([shape[0, :, 0, step], context[0, :, step]])
                whole_line = not any(kind for _, kind, _ in letters)
                kept.append((seen, kind, f"{seed}/{done}", family(path), whole_line))
    seen, kind, line, fonts, whole = (np.array(column) for column in zip(*kept))
    np.savez(out, seen=seen, kind=kind, line=line, family=fonts, whole=whole)
    print(f"{out}: {len(kind)} letters, {(kind != '').sum()} of them damaged, in {done} lines")


def fit(target, files):
    from sklearn.linear_model import LogisticRegression

    parts = [np.load(file) for file in files]
    seen, kind, line, fonts, whole = (
        np.concatenate([part[name] for part in parts]) for name in ("seen", "kind", "line", "family", "whole")
    )
    damaged = kind != ""
    fold = np.array([zlib.crc32(name.encode()) % 5 for name in fonts])

    def fitted(some):
        mean, spread = seen[some].mean(0), seen[some].std(0) + 1e-6
        model = LogisticRegression(C=0.1, max_iter=400).fit((seen[some] - mean) / spread, damaged[some])
        weights = model.coef_[0] / spread
        return weights, model.intercept_[0] - weights @ mean

    odds = np.zeros(len(kind))
    for held in range(5):
        weights, bias = fitted(fold != held)
        odds[fold == held] = seen[fold == held] @ weights + bias
    most = {}
    for name, value in zip(line[whole], odds[whole]):
        most[name] = max(value, most.get(name, value))
    most = np.sort(list(most.values()))[::-1]
    print(f"{len(most)} whole lines, {damaged.sum()} damaged letters read right; fonts not fitted on:")
    for share in (0.002, 0.005, 0.01, 0.02):
        bar = most[int(share * len(most))]
        found = {name: f"{(odds[kind == name] > bar).mean():.0%}" for name in sorted(set(KINDS))}
        print(f"  {share:.1%} of whole lines above {bar:.1f}; damaged: {(odds[damaged] > bar).mean():.0%} {found}")
    weights, bias = fitted(np.full(len(kind), True))
    rows = [weights[start : start + 8] for start in range(0, len(weights), 8)]
    rows = ",\n    ".join(", ".join(f"{weight:.4f}" for weight in row) for row in rows)
    Path(target).write_text(
        "//! The weights of the regression: written by `benches/letter_damage.py`.\n\n"
        f"/// Added to the sum.\npub(super) const BIAS: f32 = {bias:.4f};\n\n"
        "/// One for each channel: 384 of the shape, 120 of the context.\n#[rustfmt::skip]\n"
        f"pub(super) const WEIGHTS: [f32; {len(weights)}] = [\n    {rows},\n];\n"
    )


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "see":
        models, fonts, out, seed, count, latin, *styled = rest
        see(models, fonts, out, int(seed), int(count), float(latin), styled == ["styled"])
    else:
        fit(rest[0], rest[1:])
