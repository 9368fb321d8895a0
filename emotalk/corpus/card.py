"""The dataset card of a corpus: README.md beside the shards, in the form that `datasets` and model hubs read."""

import json
from collections.abc import Sequence

import pyarrow as pa

from emotalk.corpus.manifest import Manifest
from emotalk.corpus.provenance import provenance_of, terms_of
from emotalk.corpus.schema import CLIP_SCHEMA
from emotalk.corpus.splits import SPLITS

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def dataset_card(manifest: Manifest, *, about: str = "") -> str:
    """Markdown with a YAML head. `about`: what the builder says of the recordings, put in as it is.

    The same corpus and text give the same bytes: no times, no places.
    """
    return "\n".join([*_head(manifest), *_body(manifest, about.strip())]) + "\n"


def _head(manifest: Manifest) -> list[str]:
    """YAML. Strings are quoted as JSON, which YAML contains."""
    facts = provenance_of(_source(manifest))
    size = next((name for limit, name in _SIZES if manifest.total.clips < limit), "n>1M")
    splits = [split for split in SPLITS if any(name.startswith(f"{split}/") for name in manifest.shards)]
    # Shards of which every clip was turned away have no rows and are no harm.
    return [
        "---",
        f"pretty_name: {json.dumps(_title(manifest))}",
        f"license: {facts.licence}",
        *(["language:", *(f"- {language}" for language in facts.languages)] if facts.languages else []),
        "tags:",
        *(f"- {tag}" for tag in ("audio", "speech", "facial-animation", "blendshapes", "arkit", "emotion")),
        "size_categories:",
        f"- {size}",
        "configs:",
        "- config_name: default",
        "  data_files:",
        *(line for split in splits for line in (f"  - split: {split}", f"    path: {split}/part-*.parquet")),
        "---",
    ]


def _body(manifest: Manifest, about: str) -> list[str]:
    facts, total = provenance_of(_source(manifest)), manifest.total
    options = manifest.config.get("settings", {})
    lines = [
        "",
        f"# {_title(manifest)}",
        "",
        f"{total.clips} clips of speech, {total.hours:.2f} h, {total.speakers} speakers. Each has its sound (FLAC, "
        "16 kHz, mono) and 52 ARKit blendshape coefficients at 30 fps.",
        "",
        "```python",
        "import datasets",
        "",
        'corpus = datasets.load_dataset("parquet", data_files={"train": "train/*.parquet"}, split="train")',
        "```",
        "",
        "```sql",
        "select emotion, level, count(*), sum(frames) / 30 / 3600 as hours from 'index.parquet' group by all",
        "```",
        "",
        "## Source, licence and consent",
        "",
        f"* source: {facts.title}" + (f", {facts.homepage}" if facts.homepage else ""),
        f"* licence: {facts.licence}. {' '.join(terms_of(manifest.config))}",
        f"* consent: {facts.consent}",
        *([f"* options of the build: `{json.dumps(options, sort_keys=True)}`"] if options else []),
        *(["", about] if about else []),
        "",
        "## Splits",
        "",
        "Whole speakers, unless the source's own table of labels says otherwise.",
        "",
        *_table(
            ("split", "clips", "hours", "frames", "speakers", "squares"),
            [
                (name, c.clips, f"{c.hours:.2f}", c.frames, c.speakers, c.squares)
                for name, c in [*((split, manifest.splits[split]) for split in SPLITS), ("all", total)]
            ],
        ),
        "",
        "A square is what cross-reconstruction trains on: two statements with two emotions of one speaker and level.",
        "",
        "## Labels",
        "",
        *_table(("emotion", "clips"), list(manifest.emotions.items())),
        "",
        *_table(("level (0 normal, 1 strong)", "clips"), list(manifest.levels.items())),
        "",
        "## Columns",
        "",
        *_table(("column", "type", "holds"), [_column(field) for field in CLIP_SCHEMA]),
        "",
        "## Turned away",
        "",
        *(
            [
                "`quarantine.parquet` has a row with the reason for each.",
                "",
                *_table(("reason", "items"), list(manifest.rejections.items())),
            ]
            if manifest.rejections
            else ["Nothing."]
        ),
    ]
    if manifest.repeated_recordings:
        lines += ["", f"{manifest.repeated_recordings} clips have the sound of another clip."]
    if facts.citation:
        lines += ["", "## Citation", "", "```bibtex", facts.citation, "```"]
    return lines


def _source(manifest: Manifest) -> str:
    return str(manifest.config.get("source", "unknown"))


def _title(manifest: Manifest) -> str:
    return f"EmoTalk corpus: {provenance_of(_source(manifest)).title}"


def _column(field: pa.Field) -> tuple[str, str, str]:
    kind = str(field.type).replace("fixed_size_list<element: float>", "float").replace("element: ", "")
    return field.name, f"`{kind}`", field.metadata[b"description"].decode()


def _table(header: tuple[str, ...], rows: Sequence[Sequence[object]]) -> list[str]:
    cells = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return [
        f"| {' | '.join(header)} |",
        "|" + "---|" * len(header),
        *(f"| {' | '.join(row)} |" for row in cells),
    ]
