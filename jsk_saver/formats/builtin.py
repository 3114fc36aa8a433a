"""The formats that come with the kit, as names: each module is imported when its format is first needed."""

from __future__ import annotations

from typing import NamedTuple


class Builtin(NamedTuple):
    """Where a format is, and what can be known about it without importing it."""

    name: str
    extensions: tuple[str, ...]
    path: str
    needs: tuple[str, ...] = ()
    runs_code: bool = False


_PANDAS = ("pandas", "pyarrow")

#: In the order in which they are recommended for an object that several could hold.
BUILTINS: tuple[Builtin, ...] = (
    Builtin("parquet", (".parquet", ".pq"), "columnar:Parquet", ("pyarrow",)),
    Builtin("csv", (".csv",), "delimited:Csv", ("pyarrow",)),
    Builtin("tsv", (".tsv", ".tab"), "delimited:Tsv", ("pyarrow",)),
    Builtin("feather", (".feather", ".arrow", ".ipc"), "columnar:Feather", ("pyarrow",)),
    Builtin("xlsx", (".xlsx",), "excel:Excel", ("openpyxl", *_PANDAS)),
    Builtin("json", (".json",), "text:Json"),
    Builtin("jsonl", (".jsonl", ".ndjson"), "text:JsonLines"),
    Builtin("yaml", (".yaml", ".yml"), "text:Yaml", ("yaml",)),
    Builtin("toml", (".toml",), "text:Toml", ("tomli_w",)),
    Builtin("txt", (".txt",), "text:Text"),
    Builtin("md", (".md", ".markdown"), "text:Markdown"),
    Builtin("npy", (".npy",), "arrays:Npy", ("numpy",)),
    Builtin("npz", (".npz",), "arrays:Npz", ("numpy",)),
    Builtin("safetensors", (".safetensors",), "arrays:SafeTensors", ("safetensors",)),
    Builtin("png", (".png",), "images:Png", ("PIL",)),
    Builtin("jpg", (".jpg", ".jpeg"), "images:Jpeg", ("PIL",)),
    Builtin("svg", (".svg",), "images:SvgFile"),
    Builtin("pdf", (".pdf",), "images:PdfFile"),
    Builtin("tiff", (".tiff", ".tif"), "images:Tiff", ("PIL",)),
    Builtin("webp", (".webp",), "images:Webp", ("PIL",)),
    Builtin("gif", (".gif",), "images:Gif", ("PIL",)),
    Builtin("bmp", (".bmp",), "images:Bmp", ("PIL",)),
    Builtin("skops", (".skops",), "skops:Skops", ("skops", "sklearn")),
    Builtin("html", (".html", ".htm"), "web:HtmlFile"),
    Builtin("onnx", (".onnx",), "models:Onnx", ("onnx",)),
    Builtin("zip", (".zip",), "files:Zip"),
    Builtin("pt", (".pt", ".pth"), "models:Torch", ("torch",), True),
    Builtin("joblib", (".joblib",), "models:Joblib", ("joblib",), True),
    Builtin("pickle", (".pkl", ".pickle"), "models:Pickle", (), True),
    Builtin("bytes", (".bin",), "files:RawBytes"),
    Builtin("file", (), "files:File"),
    Builtin("folder", (), "files:Folder"),
)

#: The extra that brings each package; none for what is too large to be brought along. The rest comes with
#: a bare install.
EXTRAS: dict[str, str] = {
    "PIL": "plots",
    "altair": "plots",
    "joblib": "models",
    "matplotlib": "plots",
    "numpy": "tensors",
    "onnx": "tensors",
    "openpyxl": "excel",
    "pandas": "tables",
    "plotly": "plots",
    "polars": "polars",
    "pyarrow": "tables",
    "safetensors": "tensors",
    "skops": "models",
    "sklearn": "models",
    "torch": "",
    "vl_convert": "plots",
}
#: Names on the package index that differ from what is imported.
PACKAGES: dict[str, str] = {
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "tomli_w": "tomli-w",
    "vl_convert": "vl-convert-python",
    "yaml": "pyyaml",
}
