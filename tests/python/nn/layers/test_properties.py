"""The registry of what a choice does to a collective variable."""

import pytest

import gnncv.nn
from gnncv.nn import layers
from gnncv.nn.layers import OPTIONS
from gnncv.nn.layers.properties import facts_of

REFUSED = [option for option in OPTIONS if not option.facts.exportable]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda o: f"{o.key}-{o.value}-{o.layer}")
def test_a_layer_carries_the_facts_of_the_registry(option):
    found = getattr(layers, option.layer, None) or getattr(gnncv.nn, option.layer, None)
    if found is None:
        assert option.layer == "ReLU"
    elif hasattr(found, "facts"):
        assert found.facts is facts_of(option.layer)
    else:
        assert not found.__module__.startswith("gnncv.nn.layers") or option.layer == "concatenate_nodes"


@pytest.mark.parametrize("option", REFUSED, ids=lambda o: f"{o.key}-{o.value}-{o.layer}")
def test_what_is_refused_has_a_reason_and_a_way_out(option):
    assert len(option.facts.reason) > 20 and option.facts.instead
    if option.key:
        assert option.refusal.startswith(f"{option.key} ") and "train with" in option.refusal


def test_what_may_be_exported_needs_no_reason():
    for option in OPTIONS:
        assert option.facts.exportable == (not option.facts.reason)


def test_every_layer_of_the_folder_is_registered():
    named = {option.layer for option in OPTIONS}
    classes = {name for name in layers.__all__ if hasattr(getattr(layers, name), "facts")}
    assert classes - {"Option"} <= named
    assert {"MessageLayer", "TopKPooling", "SiteAttention", "VariationalLoss"} <= classes
