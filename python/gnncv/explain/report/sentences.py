"""What the numbers say, in words: which species, which shell, which sites, and how it changes."""

from __future__ import annotations

import numpy as np

from gnncv.explain.measured_trust.curves import NOTICEABLE, FidelityCurves
from gnncv.explain.report.along_run import AlongRun, both_phases
from gnncv.explain.report.displacements import AMPLITUDES, TOLERANCE, Check
from gnncv.explain.report.frame_view import (
    CRYSTAL,
    CRYSTAL_SIDE,
    LAYERS,
    MELT,
    MELT_SIDE,
    Array,
)
from gnncv.explain.report.pictures import Scale, binned
from gnncv.explain.report.shells import Shell, shell_shares

CLEAR = 3.0
"""Standard errors of a difference that is called one."""


def compared(means: Array, errors: Array, first: int, second: int) -> tuple[float, float]:
    """Ratio of two layers' scores, and their difference in standard errors (infinite without errors)."""
    spread = float(np.sqrt(np.nan_to_num(errors[first]) ** 2 + np.nan_to_num(errors[second]) ** 2))
    apart = float(means[first] - means[second])
    sigmas = apart / spread if spread > 0.0 else float(np.copysign(np.inf, apart))
    return float(means[first] / means[second]), sigmas


def face_above_bulk(run: AlongRun) -> tuple[bool | None, str]:
    """Whether a side of the face scores clearly above the bulk of both phases, and the sentence that says it.

    ``None`` where the frames do not have what must be compared.
    """
    means, errors = run.layers()
    sides = [k for k in (MELT_SIDE, CRYSTAL_SIDE) if np.isfinite(means[k])]
    bulk = [k for k in (MELT, CRYSTAL) if np.isfinite(means[k])]
    if not sides or len(bulk) < 2:
        missing = [LAYERS[k] for k in range(len(LAYERS)) if not np.isfinite(means[k])]
        return None, f"Too few sites belong to: {'; '.join(missing)}. Nothing is said of a growing face."
    best = max(sides, key=lambda k: means[k])
    parts, above = [], True
    for k in bulk:
        ratio, sigmas = compared(means, errors, best, k)
        above = above and sigmas > CLEAR
        apart = "" if np.isinf(sigmas) else f" ({sigmas:+.0f} standard errors)"
        parts.append(f"{ratio:.2g} times what one inside the {LAYERS[k]} scores{apart}")
    side = "melt" if best == MELT_SIDE else "crystal"
    text = f"A site at the face, on the {side}'s side, scores {parts[0]} and {parts[1]}."
    return above, text


def on_species(run: AlongRun) -> list[str]:
    """Which species, and whether molecules matter as a whole."""
    scores, counts = run.column("species_scores"), run.column("species_atoms")
    said = []
    if len(run.species) == 1:
        said.append(f"All atoms are {run.species[0]}: the score is not shared out among species.")
    else:
        means, _ = run.averaged(scores, counts)
        share = scores.sum(axis=0) / scores.sum()
        order = np.argsort(-means)
        first, last = order[0], order[-1]
        said.append(
            f"By the atom {run.species[first]} scores highest, {means[first] / means[last]:.2g} times "
            f"{run.species[last]}; of the sum of all scores "
            + ", ".join(f"{run.species[k]} has {100.0 * share[k]:.0f} %" for k in np.argsort(-share))
            + "."
        )
    motions = run.column("motions").sum(axis=0)
    if motions[1:].sum() > 0.0:
        part = 100.0 * motions / motions.sum()
        said.append(
            f"Of the output's squared thermal speed {part[0]:.0f} % come from moving molecules as a whole, "
            f"{part[1]:.0f} % from turning and {part[2]:.0f} % from deforming them. "
            + _without_preference(run)
        )
    return said


def _without_preference(run: AlongRun) -> str:
    """What a slope of no preference would give, for molecules of one size."""
    atoms, sites = len(run.shown.atoms), len(run.shown.scores)
    degrees = 3.0 * atoms / sites
    if degrees <= 6.0:
        return ""
    even = 300.0 / degrees
    return (
        f"A slope that does not care would give {even:.0f}, {even:.0f} and {100.0 - 2.0 * even:.0f} % "
        f"(motions of {atoms / sites:.3g} atoms). Bonds and angles are stiff: a large slope along them moves "
        "the output fast and little."
    )


def on_shells(run: AlongRun, shells: list[Shell]) -> list[str]:
    """Which shell of neighbors, at what distance, and which way."""
    strength, pairs = run.column("strength").sum(axis=0), run.column("pairs").sum(axis=0)
    shares = shell_shares(shells, strength)
    said = []
    if len(shells) == 1:
        said.append("The distances show no shells within the cutoff: all neighbors count as one.")
    else:
        top = int(np.argmax(shares[:, -1]))
        said.append(
            f"{100.0 * shares[top, -1]:.0f} % of the slope by pairs belong to {shells[top].label}; "
            + _pair_by_pair(shells, strength.sum(axis=0), pairs.sum(axis=0))
        )
    centers = 0.5 * (run.distance_edges[:-1] + run.distance_edges[1:])
    outward = run.column("outward").sum(axis=0).sum(axis=0) / np.maximum(pairs.sum(axis=0), 1.0)
    often = pairs.sum(axis=0) > 0.002 * pairs.sum()
    if often.any():
        up = int(np.argmax(np.where(often, outward, -np.inf)))
        down = int(np.argmin(np.where(often, outward, np.inf)))
        if outward[up] > 0.0:
            said.append(f"{run.output} rises most when a neighbor at {centers[up]:.1f} Å moves away;")
        if outward[down] < 0.0:
            said.append(f"{run.output} rises most when a neighbor at {centers[down]:.1f} Å comes closer.")
    if len(said) > 2 or (len(said) == 2 and said[1].endswith(";")):
        said[1:] = [" ".join(said[1:]).replace(f"; {run.output} rises most", ", and").rstrip(";.") + "."]
    return said


def _pair_by_pair(shells: list[Shell], strength: Array, pairs: Array) -> str:
    """How much one pair of each shell counts, beside the shell where it counts most."""
    counts = np.array([pairs[shell.first : shell.last].sum() for shell in shells])
    sums = np.array([strength[shell.first : shell.last].sum() for shell in shells])
    each = sums / np.maximum(counts, 1.0)
    top = int(np.argmax(each))
    others = ", ".join(
        f"a pair of {shell.name} has {each[k] / each[top]:.2g} of that slope"
        for k, shell in enumerate(shells)
        if k != top
    )
    return f"a single pair counts most in {shells[top].name}; {others}."


def on_sites(run: AlongRun) -> list[str]:
    """Which sites at the face of the frame shown."""
    view = run.shown
    where = f"frame {run.rows[run.shown_row].number}"
    if "time" in view.atoms.info:
        where += f" ({float(view.atoms.info['time']):g} ps)"
    if not view.face.any():
        return [f"No site of {where} is at a face."]
    n_face, n_sites = int(view.face.sum()), len(view.scores)
    order = np.argsort(-view.scores)
    top = order[: max(1, n_sites // 20)]
    share = 100.0 * float(view.face[top].mean())
    if not both_phases(view):
        return [
            "No frame has both phases side by side. In "
            f"{where}, the one shown, {n_face} of {n_sites} sites have crystalline and other neighbors: "
            "disorder through the box and not a face. Highest among them: "
            + ", ".join(view.labels[k] for k in top_at_face(run, 8))
            + "."
        ]
    return [
        f"In {where}, the one shown, {n_face} of {n_sites} sites ({100.0 * n_face / n_sites:.0f} %) are at "
        f"the face. Of the 5 % of all sites that score highest {share:.0f} % are there.",
        "Highest at the face: " + ", ".join(view.labels[k] for k in top_at_face(run, 8)) + ".",
    ]


def top_at_face(run: AlongRun, largest: int) -> list[int]:
    """Sites of the shown frame's face with the highest scores, the highest first."""
    view = run.shown
    order = np.argsort(-np.where(view.face, view.scores, -np.inf), kind="stable")
    return [int(k) for k in order[: min(largest, int(view.face.sum()))]]


def on_progress(run: AlongRun) -> list[str]:
    """How scores change along the run."""
    name = run.progress_name
    totals = run.column("layer_scores").sum(axis=1, keepdims=True)
    sites = run.column("layer_sites").sum(axis=1, keepdims=True)
    means, _, centers = binned(run, totals, sites, 1)
    there = np.flatnonzero(np.isfinite(means[:, 0]))
    if len(there) < 2:
        return [f"The run stays at one {name} ({centers[there[0]]:.2f}): nothing is said of changes."]
    scale = Scale(float(np.nanmax(means)))
    high, low = there[np.argmax(means[there, 0])], there[np.argmin(means[there, 0])]
    said = [
        f"The mean score of a site (in {scale.label}) goes from {scale.text(means[there[0], 0])} at {name} "
        f"{centers[there[0]]:.2f} to {scale.text(means[there[-1], 0])} at {centers[there[-1]]:.2f}; it is "
        f"highest at {centers[high]:.2f} and lowest at {centers[low]:.2f}, "
        f"{means[high, 0] / means[low, 0]:.2g} times apart."
    ]
    scores = run.column("layer_scores")
    face = scores[:, [MELT_SIDE, CRYSTAL_SIDE]].sum(axis=1, keepdims=True)
    share = binned(run, face, totals, 0)[0][:, 0]
    if np.nansum(share) > 0.0:
        at = int(np.nanargmax(share))
        said.append(
            f"The face has its largest share of all scores, {100.0 * share[at]:.0f} %, at {name} "
            f"{centers[at]:.2f}."
        )
    return said


def on_removal(curves: FidelityCurves, output: str) -> str:
    """Whether scores may be read as shares of the value."""
    words = [
        "faster" if z >= NOTICEABLE else "slower" if z <= -NOTICEABLE else "no faster"
        for z in (curves.z_deletion, curves.z_insertion)
    ]
    said = (
        f"When the sites of the frame shown lose their pairs, the highest scores first, {output} goes "
        f"{words[0]} than in random orders (z = {curves.z_deletion:.1f}); when they get them so it "
        f"comes {words[1]} (z = {curves.z_insertion:.1f}). "
    )
    if words == ["faster", "faster"]:
        return said + "The sites of high score also are what its value stands on."
    return said + (
        "A high score says where the output changes, not what its value stands on: it is no share of it."
    )


def on_trust(run: AlongRun, check: Check | None, curves: FidelityCurves | None) -> list[str]:
    """How far the scores are to be trusted, by what was measured here."""
    said = []
    if check is not None:
        said.append(
            f"{len(check.sites)} sites of the frame shown were moved along their slope and {run.output} was "
            "evaluated again. "
            + " ".join(
                f"By ±{amplitude:g} Å: {check.within[k]} of them change it as their score says to within "
                f"{100.0 * TOLERANCE:.0f} %, rank correlation {check.rank_correlation[k]:.2f}."
                for k, amplitude in enumerate(AMPLITUDES)
            )
            + " "
            + _verdict(check)
        )
    if curves is not None:
        said.append(on_removal(curves, run.output))
    novelty = run.column("novelty")
    if np.isfinite(novelty).any():
        beyond = 100.0 * float(np.mean(novelty > 1.0))
        said.append(
            f"Novelty is above 1 in {beyond:.0f} % of the frames (largest {np.nanmax(novelty):.2f})"
            + (": there the model speaks of what it was not trained on." if beyond else ".")
        )
    said.append(
        f"Error bars are those of {run.n_blocks} blocks of consecutive frames; one run is one run, and they "
        "know nothing of others."
    )
    if run.ordered:
        said.append(
            "Melt, face and crystal are told apart by the model's own crystallinity of what is around a "
            "site. A slope says what the output would do, not what makes the crystal grow."
        )
    return said


def _verdict(check: Check) -> str:
    """Whether the scores hold for small displacements, and for thermal ones."""
    small, large = check.within / len(check.sites)
    if small < 0.6:
        return "The scores do not tell what happens: do not use them."
    if small < 0.95:
        return (
            "Most scores hold; where one does not, the output bends within less than the small displacement, "
            "and the slope is that of one point only."
        )
    if large < 0.6:
        return "The scores hold for small displacements only: a thermal one leaves the range of the slope."
    return "The scores tell both what a small and what a thermal displacement does."
