"""Plotly figures that stay alive wherever a notebook goes: JupyterLab, its saved file, its HTML export.

Plotly itself leaves only JSON in a notebook, which an HTML export cannot draw, or a link to its library on
the network. These carry the library along, compressed (about 2 MB a figure); a page unpacks it once.
"""

from __future__ import annotations

import base64
import gzip
import secrets
from functools import cache
from typing import Any

_PAGE = """<div id="{id}" style="min-height:{height}px"></div>
<script type="application/json">{figure}</script>
<script type="text/plain">{library}</script><script>(async () => {{
const box = document.getElementById("{id}"), figure = JSON.parse(box.nextElementSibling.textContent);
if (!window.Plotly) {{
  const coded = box.nextElementSibling.nextElementSibling.textContent;
  const packed = Uint8Array.from(atob(coded), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const code = await new Response(stream).text();
  if (!window.Plotly) new Function("define", "module", "exports", code).call(window);
}}
Plotly.newPlot(box, figure.data, figure.layout, {{responsive: true, displaylogo: false}});
}})();</script>"""


@cache
def figure_class() -> Any:
    """Return the class of these figures; made once Plotly is imported."""
    import plotly.graph_objects as go

    class TrialsFigure(go.Figure):  # type: ignore[misc]
        """A Plotly figure that draws itself without a network."""

        def _repr_mimebundle_(self, *_: Any, **__: Any) -> dict[str, Any]:
            return {"text/html": html(self), "text/plain": f"Plotly figure, {len(self.data)} traces"}

        def _ipython_display_(self) -> None:
            from IPython.display import display

            display(self._repr_mimebundle_(), raw=True)

    return TrialsFigure


def html(figure: Any) -> str:
    """Return a figure as HTML that needs nothing else."""
    return _PAGE.format(
        id=f"jsk-{secrets.token_hex(8)}",
        height=int(figure.layout.height),
        figure=figure.to_json().replace("<", "\\u003c"),
        library=_library(),
    )


@cache
def _library() -> str:
    from plotly.offline import get_plotlyjs

    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), 9)).decode()
