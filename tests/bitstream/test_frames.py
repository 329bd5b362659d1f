"""Frames are found among whatever a board prints, and damaged ones are none."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hivectl.bitstream.frames import Decoder, Frame, encode

FRAMES = st.builds(
    Frame, st.integers(0, 255), st.integers(0, 255), st.integers(0, 65535), st.binary(max_size=300)
)
PRINTED = st.text(max_size=40).map(str.encode)


def written(frame: Frame) -> bytes:
    return encode(frame.verb, frame.sequence, frame.payload, frame.status)


@given(st.lists(st.tuples(PRINTED, FRAMES), max_size=6), st.integers(1, 64))
def test_frames_come_out_as_they_went_in_however_they_are_cut(
    sent: list[tuple[bytes, Frame]], size: int
) -> None:
    data = b"".join(printed + written(frame) for printed, frame in sent)
    decoder = Decoder()
    found = [
        frame for start in range(0, len(data), size) for frame in decoder.feed(data[start : start + size])
    ]
    assert found == [frame for _, frame in sent]
    assert decoder.printed == b"".join(printed for printed, _ in sent)
    assert decoder.damaged == 0


@given(FRAMES, FRAMES, st.data())
def test_a_changed_byte_costs_one_frame_and_no_more(first: Frame, second: Frame, data: st.DataObject) -> None:
    whole = bytearray(written(first))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    decoder = Decoder(largest=300)
    found = decoder.feed(bytes(whole) + written(second) + b"\0" * 400)
    assert found == [second]


@given(FRAMES, FRAMES, st.data())
def test_lost_bytes_never_make_another_frame(first: Frame, second: Frame, data: st.DataObject) -> None:
    whole = written(first)
    start = data.draw(st.integers(0, len(whole) - 1))
    end = data.draw(st.integers(start + 1, len(whole)))
    decoder = Decoder(largest=300)
    found = decoder.feed(whole[:start] + whole[end:] + b"\0" * 400 + written(second) + b"\0" * 400)
    # the zeros may stand for zeros that were lost
    assert found in ([second], [first, second])
