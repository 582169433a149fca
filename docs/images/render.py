"""Markdown of a comment, as a page that a browser can photograph: render.py SUMMARY.md > page.html"""

import pathlib
import sys

from markdown_it import MarkdownIt

here = pathlib.Path(__file__).parent
text = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
body = MarkdownIt("commonmark").enable("table").render(text)
style = (here / "comment.css").read_text(encoding="utf-8")
print(
    f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>comment</title><style>{style}</style>
<div class="comment"><div class="by"><b>github-actions</b> <span>bot</span> commented</div>
<div class="body">{body}</div></div>
<script>document.documentElement.dataset.height = Math.ceil(document.body.getBoundingClientRect().height);</script>"""
)
