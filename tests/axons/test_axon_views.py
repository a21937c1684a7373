"""Views against values computed by hand."""

from __future__ import annotations

import math

import pytest
import torch

from napari_midl.methods.axons.views import (
    heading_frame,
    local_contrast,
    mipmap,
    path_view,
    sample,
    sample_views,
    view_blocks,
    view_points,
)


def test_samples_are_bilinear_and_zero_outside() -> None:
    image = torch.tensor([[0.0, 1.0], [2.0, 3.0]])[None, None]
    points = torch.tensor([[0.0, 0.0], [0.5, 0.5], [1.0, 0.25], [5.0, 5.0]])[None]
    assert sample(image, points)[0, 0].tolist() == pytest.approx([0.0, 1.5, 2.25, 0.0])


def test_samples_in_3d_take_z_y_x() -> None:
    image = torch.arange(24.0).reshape(1, 1, 2, 3, 4)
    points = torch.tensor([[1.0, 2.0, 3.0], [0.5, 1.0, 2.0]])[None]
    assert sample(image, points)[0, 0].tolist() == pytest.approx([23.0, 12.0])


def test_rows_of_a_view_run_along_the_heading() -> None:
    frame = heading_frame(torch.tensor([[0.0, 1.0]]))
    points = view_points(torch.tensor([[[10.0, 20.0]]]), frame, (2.0,))
    assert points.shape == (1, 1, 1, 11, 11, 2)
    assert points[0, 0, 0, 5, 5].tolist() == [10.0, 20.0]
    assert points[0, 0, 0, 6, 5].tolist() == pytest.approx([10.0, 22.0])
    assert points[0, 0, 0, 5, 6].tolist() == pytest.approx([8.0, 20.0])


@pytest.mark.parametrize("heading", [(1.0, 0.0, 0.0), (0.6, 0.0, 0.8), (0.48, 0.6, 0.64)])
def test_planes_in_3d_are_at_right_angles(heading: tuple[float, ...]) -> None:
    frame = heading_frame(torch.tensor([heading]))[0]
    axes = torch.stack([frame[0, 0], frame[0, 1], frame[1, 1]])
    torch.testing.assert_close(axes @ axes.T, torch.eye(3), atol=1e-6, rtol=0)
    torch.testing.assert_close(frame[0, 0], torch.tensor(heading))


def test_the_path_shows_where_an_agent_was() -> None:
    fine, coarse = path_view(torch.tensor([[0.0, -2.0], [0.0, -4.0]]), (1.0, 2.0))
    assert fine[5, 3] == fine[5, 1] == coarse[5, 4] == coarse[5, 3] == pytest.approx(1.0)
    assert fine[5, 4] == coarse[5, 5] == pytest.approx(math.exp(-1))
    assert fine[0, 10] < 1e-6
    assert not path_view(torch.zeros(3, 0, 2), (1.0,)).any()


def test_distant_views_average_what_lies_between_their_pixels() -> None:
    image = torch.arange(36.0).reshape(1, 1, 6, 6)
    levels, extent = mipmap(image, view_blocks((1.0, 2.0, 4.0), (1.0, 1.0)))
    assert [tuple(level.shape[2:]) for level in levels] == [(8, 8), (4, 4), (2, 2)]
    assert extent == (8, 8)
    assert levels[1][0, 0, 0, 0] == pytest.approx((0 + 1 + 6 + 7) / 4)
    # The last pixels are repeated beyond the image.
    assert levels[2][0, 0, 1, 1] == pytest.approx((28 + 34 + 3 * (29 + 35) + 8 * 35) / 16, rel=0.1)
    points = torch.full((1, 3, 11, 11, 2), 0.5)
    size = torch.tensor([6, 6])
    seen = sample_views(levels, points, extent, size)[0, :, 0, 0]
    assert seen[0] == pytest.approx(3.5)
    assert seen[1] == pytest.approx(3.5)
    for beyond in (-0.6, 5.6):
        assert sample_views(levels, points + beyond - 0.5, extent, size).isnan().all()


def test_blocks_follow_the_size_of_voxels() -> None:
    assert view_blocks((1.0, 8.0), (4.0, 1.0, 1.0)) == [[1, 1, 1], [2, 8, 8]]


def test_contrast_does_not_depend_on_gain_or_offset() -> None:
    views = torch.rand(4, 3, 11, 11)
    torch.testing.assert_close(
        local_contrast(views), local_contrast(0.1 * views + 0.3), atol=0.02, rtol=0.08
    )
    assert local_contrast(0.5 + 1e-5 * views).abs().max() < 0.05


def test_what_is_not_known_has_no_contrast_and_counts_for_nothing() -> None:
    views = torch.rand(1, 2, 11, 11)
    half = views.clone()
    half[..., 6:, :] = torch.nan
    seen = local_contrast(half)
    assert (seen[..., 6:, :] == 0).all()
    part = views[..., :6, :]
    expected = (part - part.mean((-2, -1), keepdim=True)) / (
        part.flatten(-2).std(-1, correction=0)[..., None, None]
    )
    torch.testing.assert_close(seen[..., :6, :], expected, atol=0.01, rtol=0.01)
    assert (local_contrast(torch.full((1, 11, 11), torch.nan)) == 0).all()
