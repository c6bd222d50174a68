"""The report as one HTML page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np

from gnncv.analysis.report_page import Box, Page, Picture, Section, Table
from gnncv.explain.measured_trust.curves import FidelityCurves
from gnncv.explain.report import pictures, sentences
from gnncv.explain.report.along_run import AlongRun, both_phases
from gnncv.explain.report.displacements import Check
from gnncv.explain.report.frame_picture import draw_frame
from gnncv.explain.report.frame_view import LAYERS
from gnncv.explain.report.pictures import Scale
from gnncv.explain.report.shells import Shell, find_shells, shell_shares

MOST_LISTED = 12


def compose(
    run: AlongRun,
    check: Check | None,
    curves: FidelityCurves | None,
    source: Mapping[str, str],
    title: str = "",
) -> Page:
    """The page of a run.

    Parameters
    ----------
    run
        What was gathered.
    check, curves
        Of displaced sites and of sites taken out, where there are.
    source
        Rows for the table of facts: where model and frames came from.
    title
        Heading; by default it names the output.
    """
    shells = find_shells(run.distance_edges, run.column("pairs").sum(axis=(0, 1)))
    means, _ = run.layers()
    scale = Scale(float(np.nanmax(means, initial=0.0)))
    return Page(
        title=title or f"What {run.output} listens to",
        lead=(
            f"Scores are slopes: |d {run.output} / dr| of each atom, and of each site the root of the sum of "
            "their squares, in 1/Å. A site is what the model sees as one: an atom, or a molecule. A site of "
            "high score changes the collective variable most when it moves, so that is where a bias pushes."
        ),
        boxes=_boxes(run),
        tiles=_tiles(run, scale),
        sections=[
            _answers(run, shells),
            _face_section(run, scale),
            _shell_section(run, shells),
            _progress_section(run),
            _frame_section(run, scale),
            _trust_section(run, check, curves),
        ],
        facts=_facts(run, source),
        footer=f"Written by gnncv on {datetime.now().astimezone():%Y-%m-%d %H:%M %Z}.",
    )


def _boxes(run: AlongRun) -> list[Box]:
    above, text = sentences.face_above_bulk(run)
    if not run.ordered:
        return [Box("warning", "The model has no crystallinity: melt, face and crystal are one here.")]
    if above is None:
        return [Box("warning", text)]
    if above:
        return [Box("good", text, f"{run.output} listens to the growing face")]
    return [Box("bad", text, f"{run.output} does not listen to the face above all")]


def _tiles(run: AlongRun, scale: Scale) -> dict[str, str]:
    progress, sites = run.column("progress"), run.column("layer_sites")
    tiles = {
        "frames": f"{len(run)}",
        "sites": f"{len(run.shown.scores)}",
        run.progress_name: f"{progress.min():.2f} to {progress.max():.2f}",
    }
    if run.ordered:
        face = sites[:, 1:3].sum(axis=1) / sites.sum(axis=1)
        tiles["largest share at the face"] = f"{100.0 * face.max():.0f} %"
    scores = run.column("layer_scores").sum() / sites.sum()
    return tiles | {f"mean score ({scale.label})": scale.text(float(scores))}


def _answers(run: AlongRun, shells: list[Shell]) -> Section:
    points = [
        ("Which species?", " ".join(sentences.on_species(run))),
        ("Which shell?", " ".join(sentences.on_shells(run, shells))),
    ]
    if run.ordered:
        points.append(("Which sites at the growing face?", " ".join(sentences.on_sites(run))))
    points.append((f"How does it change along {run.progress_name}?", " ".join(sentences.on_progress(run))))
    return Section("The answers in words", "", points=points)


def _face_section(run: AlongRun, scale: Scale) -> Section:
    means, errors = run.layers()
    sites, scores = run.column("layer_sites"), run.column("layer_scores")
    share = scores.sum(axis=0) / scores.sum()
    rows = [
        [
            LAYERS[k] if run.ordered else "all sites",
            f"{sites[:, k].mean():.1f}",
            scale.text(means[k], errors[k]) if np.isfinite(means[k]) else "-",
            f"{100.0 * share[k]:.0f} %",
        ]
        for k in range(len(LAYERS) if run.ordered else 1)
    ]
    head = ["layer", "sites a frame", f"mean score ({scale.label})", "share of all scores"]
    text = (
        "A site is inside the crystal or the melt where nine tenths of it and its neighbors are of that "
        "kind, and at the face in between; its own crystallinity says on which side. Crystalline are sites "
        "of the largest cluster of those with a crystallinity above 0.5."
    )
    return Section(
        "Melt, face and crystal",
        text if run.ordered else "",
        [[Picture(
            pictures.draw_layers(run),
            "Mean score of the sites of each layer and against the site's own crystallinity; bars are one "
            "standard error.",
            "mean scores of melt, face and crystal, and against crystallinity",
        )]],
        tables=[Table("Means over all frames, ± one standard error.", head, rows), *_kind_tables(run)],
    )  # fmt: skip


def _kind_tables(run: AlongRun) -> list[Table]:
    tables = []
    if len(run.species) > 1:
        scores, counts = run.column("species_scores"), run.column("species_atoms")
        means, errors = run.averaged(scores, counts)
        scale, share = Scale(float(means.max())), scores.sum(axis=0) / scores.sum()
        rows = [
            [symbol, scale.text(means[k], errors[k]), f"{100.0 * share[k]:.0f} %"]
            for k, symbol in enumerate(run.species)
        ]
        head = ["species", f"mean score of an atom ({scale.label})", "share of all scores"]
        tables.append(Table("Atoms by species.", head, rows))
    if len(run.kinds) > 1:
        strength = run.column("kinds_strength").sum(axis=0)
        rows = [
            [kind, *(f"{100.0 * part:.0f} %" for part in strength[k] / strength.sum())]
            for k, kind in enumerate(run.kinds)
        ]
        tables.append(Table("Share of the slope by pairs, center by neighbor.", ["center", *run.kinds], rows))
    return tables


def _shell_section(run: AlongRun, shells: list[Shell]) -> Section:
    names = [*LAYERS, "all"] if run.ordered else ["all"]
    shares = shell_shares(shells, run.column("strength").sum(axis=0))[:, -len(names) :]
    rows = [
        [shell.label, *("-" if np.isnan(part) else f"{100.0 * part:.0f} %" for part in shares[k])]
        for k, shell in enumerate(shells)
    ]
    return Section(
        "Shells of neighbors",
        "The output's slope by the vector between two neighbors, summed over all neighbors of a site at a "
        "distance d, along the run (left); its mean size by one pair (middle), and its part along the pair "
        "(right). Dotted: where one shell of neighbors ends and the next begins, by the run's own distances.",
        [[Picture(
            pictures.draw_map(run, shells),
            "Left: slope by pairs against distance and progress. Middle and right: mean over the pairs at a "
            "distance, for centers in each layer.",
            "slope by pairs against distance and progress",
        )]],
        tables=[Table("Share of the slope by pairs.", ["neighbors", *names], rows)],
    )  # fmt: skip


def _progress_section(run: AlongRun) -> Section:
    return Section(
        f"Along {run.progress_name} and in time",
        "",
        [
            [Picture(
                pictures.draw_along_progress(run),
                f"Scores in bins of {run.progress_name}; bands: one standard error over the frames.",
                "scores along progress",
            )],
            [Picture(
                pictures.draw_time_line(run),
                "The output, where the sites are, and what they score, frame by frame. Dashed: the frame "
                "shown below.",
                "time line of output, layers and scores",
            )],
        ],
    )  # fmt: skip


def _frame_section(run: AlongRun, scale: Scale) -> Section:
    view = run.shown
    top = sentences.top_at_face(run, MOST_LISTED)
    scale = Scale(float(view.scores.max()))
    average = float(view.scores.mean())
    rows = [
        [
            view.labels[k],
            " ".join(f"{x:.1f}" for x in view.centers[k]),
            scale.text(float(view.scores[k])),
            f"{view.scores[k] / average:.1f}",
            f"{view.crystallinity[k]:.2f}" if view.crystallinity is not None else "-",
            f"{100.0 * view.surroundings[k]:.0f} %",
            _often(run, k),
        ]
        for k in top
    ]
    head = [
        "site", "center (Å)", f"score ({scale.label})", "times the mean", "crystallinity", "crystal around",
        "at the face in",
    ]  # fmt: skip
    caption = (
        "The highest scores at the face of the frame above. Crystal around: share of crystalline sites among "
        "the site and its neighbors. Numbers count from 1 in the order of the trajectory."
    )
    where = f"Frame {run.rows[run.shown_row].number}, {run.progress_name} {view.progress:.2f}"
    return Section(
        "Which sites at the growing face",
        f"{where}: {_why_shown(run)}.",
        [[Picture(
            draw_frame(view),
            "The crystal is moved to the middle of the box. Left and middle: a cut of about two layers. "
            "Right: the crystalline sites alone.",
            "cuts through the crystal and the crystal's face colored by score",
        )]],
        tables=[Table(caption, head, rows)] if rows else [],
    )  # fmt: skip


def _why_shown(run: AlongRun) -> str:
    if not run.ordered:
        return "the one with the highest mean score"
    if both_phases(run.shown):
        return "of the frames with both phases the one with the most sites at the face"
    return "no frame has both phases; this one has the most sites with neighbors of both kinds"


def _often(run: AlongRun, site: int) -> str:
    if len(run.at_face) == 0:
        return "-"
    return f"{run.at_face[site]} of {len(run)} frames"


def _trust_section(run: AlongRun, check: Check | None, curves: FidelityCurves | None) -> Section:
    rows = []
    if check is not None or curves is not None:
        caption = (
            "Left: sites of the frame shown, moved along their slope: the change of the output over the "
            "displacement against the score; on the line the score tells it exactly. Right: the output while "
            "sites lose all their pairs (deletion) or get them (insertion), with random orders as bands."
        )
        rows = [[Picture(pictures.draw_trust(check, curves, run.output), caption, "checks of the scores")]]
    points = [("", text) for text in sentences.on_trust(run, check, curves)]
    return Section("How far to trust it", "", rows, points=points)


def _facts(run: AlongRun, source: Mapping[str, str]) -> dict[str, dict[str, str]]:
    time = run.column("time")
    frames = {
        "frames": f"{len(run)}",
        "atoms": f"{len(run.shown.atoms)}",
        "sites": f"{len(run.shown.scores)}",
    }
    if "time" in run.shown.atoms.info:
        frames["time"] = f"{time.min():g} to {time.max():g} ps"
    return {
        "Model": {
            **{name: text for name, text in source.items() if name == "model"},
            "SHA-256": run.model_hash,
            "output explained": run.output,
            "frames ordered by": run.progress_name,
            "kinds of sites": ", ".join(run.kinds),
            "cutoff": f"{run.cutoff:g} Å",
        },
        "Frames": {**frames, **{name: text for name, text in source.items() if name != "model"}},
        "Units": {"scores": "1/Å, of the output as it is", "distances": "Å", "time": "ps"},
    }
