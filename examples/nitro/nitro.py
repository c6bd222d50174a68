"""Which bonds make two classifiers say "nitro"?  Train, explain, draw.

    python nitro.py -o pictures/

trains captum's GraphConv classifier and the primer's GCN on molecules with and without a nitro group (half a
minute), explains one held-out molecule by saliency, integrated gradients and GNNExplainer, draws it with its
bonds colored, and asks TracIn which training molecules taught the first model what it says.
"""

import argparse
from pathlib import Path

import torch
from classifiers import MutagClassifier, Net, loss_of, predicted, train
from matplotlib.figure import Figure

from gnncv.explain import (
    draw_molecule,
    gnn_explainer,
    integrated_gradients,
    nitro_molecules,
    saliency,
    tracin,
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="new folder for the pictures")
    parser.add_argument("--molecule", type=int, default=0, help="which held-out nitro molecule (default: 0)")
    options = parser.parse_args()
    options.output.mkdir(parents=True)

    graphs = nitro_molecules(400)
    train_graphs, test_graphs = graphs[:320], graphs[320:]
    labels = torch.cat([graph.y for graph in test_graphs])
    molecule = [graph for graph in test_graphs if graph.y.item() == 0][options.molecule]
    print("molecule:", molecule.smiles)

    figure = Figure(figsize=(15, 7))
    checkpoints = {}
    for row, (name, kind, lr) in enumerate([("GraphConv", Net, 2e-3), ("GCN", MutagClassifier, 5e-3)]):
        torch.manual_seed(0)
        model = kind()
        checkpoints[name] = train(model, train_graphs, lr=lr)
        model.double()  # log-probabilities of a model that is sure are flat to float32
        accuracy = (predicted(model, test_graphs) == labels).double().mean()
        print(f"{name}: accuracy on held-out molecules {accuracy:.3f}")
        explanations = {
            "saliency": saliency(model, molecule, "edges"),
            "integrated gradients": integrated_gradients(model, molecule, "edges"),
            "GNNExplainer": gnn_explainer(model, molecule, "edges", opening=2.0),
        }
        for column, (method, explanation) in enumerate(explanations.items(), start=1):
            print(f"  {method}: {', '.join(explanation.top(3).names)}")
            axes = figure.add_subplot(2, 3, 3 * row + column)
            draw_molecule(molecule, explanation, axes, title=f"{name}: {method}")
    figure.savefig(options.output / "bonds.png", dpi=150, bbox_inches="tight")

    torch.manual_seed(0)
    influence = tracin(
        Net(), train_graphs, molecule, layer="last", checkpoints=checkpoints["GraphConv"], loss=loss_of
    )
    figure = Figure(figsize=(15, 3.5))
    shown = [("explained", molecule)]
    shown += [(f"proponent {one.score:.2g}", train_graphs[one.number]) for one in influence.proponents(0, 2)]
    shown += [(f"opponent {one.score:.2g}", train_graphs[one.number]) for one in influence.opponents(0, 2)]
    for column, (title, graph) in enumerate(shown, start=1):
        draw_molecule(graph, ax=figure.add_subplot(1, len(shown), column), title=title)
    figure.savefig(options.output / "influence.png", dpi=150, bbox_inches="tight")


if __name__ == "__main__":
    main()
