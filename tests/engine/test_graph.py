from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hivectl.engine.graph import CycleFoundError, Graph

edges = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=40)


def both(pairs: list[tuple[int, int]]) -> tuple[Graph[int], nx.DiGraph[int]]:
    graph: Graph[int] = Graph()
    reference: nx.DiGraph[int] = nx.DiGraph()
    for first, then in pairs:
        graph.connect(first, then)
        reference.add_edge(first, then)
    return graph, reference


@given(edges)
def test_order_and_cycles_agree_with_networkx(pairs: list[tuple[int, int]]) -> None:
    graph, reference = both(pairs)
    if nx.is_directed_acyclic_graph(reference):
        place = {vertex: index for index, vertex in enumerate(graph.order())}
        assert len(place) == len(graph) == reference.number_of_nodes()
        assert all(place[first] < place[then] for first, then in pairs)
    else:
        with pytest.raises(CycleFoundError) as caught:
            graph.order()
        cycle = caught.value.vertices
        assert cycle[0] == cycle[-1]
        assert len(cycle) > 1
        assert all(reference.has_edge(cycle[index], cycle[index + 1]) for index in range(len(cycle) - 1))


@given(edges, st.sets(st.integers(0, 12), min_size=1))
def test_reach_agrees_with_networkx(pairs: list[tuple[int, int]], start: set[int]) -> None:
    graph, reference = both(pairs)
    known = [vertex for vertex in start if vertex in graph]
    down = {vertex for first in known for vertex in nx.descendants(reference, first)}
    up = {vertex for first in known for vertex in nx.ancestors(reference, first)}
    assert set(graph.downstream(known)) - set(known) == down - set(known)
    assert set(graph.upstream(known)) - set(known) == up - set(known)


@given(edges)
def test_generations_agree_with_networkx(pairs: list[tuple[int, int]]) -> None:
    graph, reference = both(pairs)
    if nx.is_directed_acyclic_graph(reference):
        expected = [set(layer) for layer in nx.topological_generations(reference)]
        assert [set(layer) for layer in graph.generations()] == expected


def test_an_edge_counts_once() -> None:
    graph, _ = both([(1, 2), (1, 2)])
    assert list(graph.edges()) == [(1, 2)]
    assert graph.predecessors(2) == (1,)
    assert graph.successors(1) == (2,)
