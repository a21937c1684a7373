"""The tracking task: many agents, each on a fibre of a synthetic image.

Dai et al., MIDL 2019, section 3.1 and appendix B.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from napari_midl.methods.axons.network import REACH, Design
from napari_midl.methods.axons.painting import SPACING
from napari_midl.methods.axons.views import (
    VIEW,
    heading_frame,
    local_contrast,
    mipmap,
    path_view,
    sample,
    sample_views,
    view_blocks,
    view_points,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from napari_midl.methods.axons.synthetic import Scene

    Draw = Callable[[np.random.Generator], Scene]

EPISODE = 200
STRIDE = 3.0
LOST = 8.0
ON_TRACK = 3.0
REMEMBERED = 12
# What a step changes, beside what is stacked of the views.
_MOVING = (
    *("positions", "headings", "_index", "_steps", "_switches", "_previous", "_visited"),
    *("gone", "_forgetful"),
)


class TrackingEnvironment(gymnasium.vector.VectorEnv[Any, Any, Any]):
    """Agents that follow fibres, a few to an image, stepping together in torch.

    An action is a displacement ``(rows, columns)`` in px, along the image's axes or along the
    heading, as `design` says. Observations are a dict of ``actor`` (N, C, 11, 11) and
    ``critic``, which also shows the true centreline (the asymmetric critic).

    Parameters
    ----------
    draw : callable
        Gives a scene: an image, a fibre in it, and where there is surely none.
    design : Design
        What the agents see.
    images, agents : int
        Images, and agents on each.
    astray : float
        Share of the agents that begin up to 6 px beside the fibre and badly turned, so that
        being lost is learnt too.
    elsewhere : float
        Share of the agents that begin where there is no fibre.
    forgetful : float
        Share of the agents that do not see where they came from, as one that looks along a line.
    mapped : callable
        Draws images as `map` does, such as the ``map`` of a pool of processes.
    """

    def __init__(
        self,
        draw: Draw,
        design: Design,
        images: int = 16,
        agents: int = 8,
        astray: float = 0.0,
        elsewhere: float = 0.0,
        forgetful: float = 0.0,
        mapped: Callable[..., Iterable[Scene]] = map,
    ) -> None:
        self.mapped = mapped
        self.draw, self.design, self.astray, self.elsewhere = draw, design, astray, elsewhere
        self.forgetful = forgetful
        self.shape = (images, agents)
        self.num_envs = images * agents
        bounds = {
            "actor": (design.channels, VIEW, VIEW),
            "critic": (design.channels + design.moments, VIEW, VIEW),
        }
        boxes: dict[str, gymnasium.Space[Any]] = {
            name: gymnasium.spaces.Box(-math.inf, math.inf, shape) for name, shape in bounds.items()
        }
        self.single_observation_space = gymnasium.spaces.Dict(boxes)
        self.single_action_space = gymnasium.spaces.Box(-REACH, REACH, (2,))
        self.observation_space = gymnasium.vector.utils.batch_space(
            self.single_observation_space, self.num_envs
        )
        self.action_space = gymnasium.vector.utils.batch_space(
            self.single_action_space, self.num_envs
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Draw new images and put each agent on a fibre, at a random place and way."""
        for _ in self.redraw(seed):
            pass
        return self.place(), {}

    def redraw(self, seed: int | None) -> Iterator[int]:
        """Draw new images one by one, yielding how many there are; `place` has to follow."""
        super().reset(seed=seed)
        self._drawn: list[Scene] = []
        # One for each image, so that it is no matter which process draws it.
        seeds = self.np_random.integers(2**63, size=self.shape[0]).tolist()
        for scene in self.mapped(partial(_drawn, self.draw), seeds):
            self._drawn.append(scene)
            yield len(self._drawn)

    def place(self) -> dict[str, Tensor]:
        """Put the agents on the images just drawn, and return what they see."""
        rng, drawn = self.np_random, self._drawn
        self.images = torch.from_numpy(np.stack([scene.image for scene in drawn]))[:, None]
        self._size = torch.tensor(self.images.shape[2:])
        self._empty = torch.from_numpy(np.stack([scene.empty for scene in drawn]))
        blocks = view_blocks(self.design.averages, (1.0, 1.0))
        self._levels, self._extent = mipmap(self.images, blocks)
        self._lines = [torch.from_numpy(scene.line).float() for scene in drawn]
        length = max(map(len, self._lines))
        self.lines = torch.stack(
            [F.pad(line, (0, 0, 0, length - len(line)), value=math.inf) for line in self._lines]
        )
        self._last = torch.tensor([len(line) - 1 for line in self._lines])[:, None]
        self.truth = _draw_centrelines(self._lines, self.images.shape[-1])
        way = torch.from_numpy(rng.choice([-1, 1], self.shape))
        room = torch.from_numpy(rng.uniform(0, 0.7, self.shape))
        inside = [torch.nonzero(self._inside(line))[[0, -1], 0] for line in self._lines]
        first, last = torch.stack(inside)[:, None].unbind(-1)
        begin = (room * (last - first)).long()
        self._index = torch.where(way > 0, first + begin, last - begin)
        self._way = way
        on_line = self._line_point(self._index)
        ahead = self._line_point(self._clamp(self._index + way * 6))
        heading = F.normalize(ahead - on_line, dim=-1)
        astray = torch.from_numpy(rng.random(self.shape) < self.astray)[..., None]
        offset = torch.from_numpy(rng.normal(0, 1, (*self.shape, 2))).float()
        self.positions = on_line + torch.where(astray, 3.0, 0.6) * offset
        angle = torch.from_numpy(rng.normal(0, 1, self.shape)).float()
        angle = angle * torch.where(astray[..., 0], 0.8, 0.25)
        self.headings = _turn(heading, angle)
        self.gone = torch.zeros(self.shape, dtype=torch.bool)
        self._begin_elsewhere(rng)
        self._steps = torch.zeros(self.shape, dtype=torch.long)
        self._switches = torch.zeros(self.shape, dtype=torch.long)
        self._previous = torch.zeros(*self.shape, 2)
        self._visited = self.positions[..., None, :].repeat(1, 1, REMEMBERED, 1)
        self._forgetful = torch.from_numpy(rng.random(self.shape) < self.forgetful)
        self._stack: list[tuple[Tensor, Tensor]] = []
        return self._observe()

    def _begin_elsewhere(self, rng: np.random.Generator) -> None:
        """Move some agents to where there is no fibre, looking anywhere."""
        for image, scene in enumerate(self._drawn):
            places = np.argwhere(scene.empty)
            for agent in np.flatnonzero(rng.random(self.shape[1]) < self.elsewhere):
                if len(places):
                    self.positions[image, agent] = torch.from_numpy(places[rng.choice(len(places))])
                    angle = torch.tensor(rng.uniform(0, 2 * math.pi), dtype=torch.float32)
                    self.headings[image, agent] = torch.stack([angle.sin(), angle.cos()])
                    self.gone[image, agent] = True

    def state_dict(self) -> dict[str, Tensor]:
        """Where the agents are and what they have seen, on the images of the last reset's seed."""
        state: dict[str, Tensor] = {name: getattr(self, name) for name in _MOVING}
        for moment, seen in enumerate(self._stack):
            state |= {f"seen.{moment}.{part}": value for part, value in enumerate(seen)}
        return state

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Put the agents back, after a reset with the same seed."""
        for name in _MOVING:
            setattr(self, name, state[name].clone())
        moments = range(self.design.moments)
        self._stack = [
            (state[f"seen.{k}.0"].clone(), state[f"seen.{k}.1"].clone()) for k in moments
        ]

    def step(
        self, actions: Any
    ) -> tuple[dict[str, Tensor], Tensor, Tensor, Tensor, dict[str, Any]]:
        """Move by displacements ``(N, 2)`` in px and get the reward of appendix B.

        An agent that has ended stays where it is; reset all of them together.
        """
        action = torch.as_tensor(actions, dtype=torch.float32).reshape(*self.shape, 2)
        move = (action[..., None] * self._frames()[..., 0, :, :]).sum(-2)
        before = self.positions
        self.positions = before + move
        reward = self._reward(before, move)
        self._previous = move
        self._visited = torch.cat([self._visited[..., 1:, :], self.positions[..., None, :]], -2)
        way = self.positions - self._visited[..., -3, :]
        moved = way.norm(dim=-1, keepdim=True) > 0.5
        self.headings = torch.where(moved, F.normalize(way, dim=-1), self.headings)
        self._steps = self._steps + 1
        self._find()
        at_end = (self._remaining() * SPACING < 1.0) | (self.distance > LOST)
        self.gone = self.gone | at_end | ~self._inside(self.positions)
        over = self._steps >= EPISODE
        return self._observe(), reward.flatten(), at_end.flatten(), over.flatten(), {}

    def expert(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What a perfect tracker would do now.

        Returns
        -------
        action : Tensor, shape (N, 2)
            The displacement to the centreline three px further on.
        stop : Tensor, shape (N,)
            1 where the agent is off the fibre (3 px).
        follows : Tensor of bool, shape (N,)
            Whether the agent is on its way, so that the displacement is known.
        known : Tensor of bool, shape (N,)
            Whether it is known if the agent is off: on its way, and or gone from the
            fibre to where there is none. Elsewhere it may be on another.
        """
        self._find()
        target = self._line_point(self._clamp(self._index + self._way * int(STRIDE / SPACING)))
        wanted = (target - self.positions)[..., None, :]
        action = (wanted * self._frames()[..., 0, :, :]).sum(-1).clamp(-REACH, REACH)
        if self.design.frame == "heading":
            action[self.gone] = torch.tensor([STRIDE, 0.0])
        follows = ~self.gone & (self.distance < LOST)
        stop = self.gone | (self.distance > ON_TRACK)
        known = follows | (self.gone & self._in_empty())
        return action.reshape(-1, 2), stop.flatten(), follows.flatten(), known.flatten()

    def _inside(self, points: Tensor) -> Tensor:
        """Whether points lie in the images."""
        return ((points > -0.5) & (points < self._size - 0.5)).all(-1)

    def _in_empty(self) -> Tensor:
        """Whether there is surely no fibre where each agent is."""
        y, x = self.positions.round().long().unbind(-1)
        height, width = self._size.tolist()
        image = torch.arange(self.shape[0])[:, None]
        empty = self._empty[image, y.clamp(0, height - 1), x.clamp(0, width - 1)]
        return empty & self._inside(self.positions)

    def _reward(self, before: Tensor, move: Tensor) -> Tensor:
        """Appendix B, with the mean over the 100 points in place of their sum."""
        share = torch.linspace(0, 1, 100)[:, None]
        points = before[..., None, :] + share * move[..., None, :]
        reward = sample(self.truth, points)[:, 0].mean(-1)
        back = (move * self._previous).sum(-1) < 0
        self._switches = self._switches + back
        reward = torch.where(self._switches % 2 == 1, -reward, reward)
        return torch.where(move.norm(dim=-1) == 0, -1.0, reward)

    def _observe(self) -> dict[str, Tensor]:
        frames = self._frames()[..., 0, :, :]
        points = view_points(self.positions, frames, self.design.pitches)
        views = sample_views(self._levels, points, self._extent, self._size)
        heading = self.design.frame == "heading"
        views = local_contrast(views) if heading else views.nan_to_num()
        if self.design.paths:
            views = torch.cat([views, self._path(frames)], -3)
        truth = sample(self.truth, points[..., :1, :, :, :])[:, 0]
        moments = self.design.moments
        self._stack = [*(self._stack or [(views, truth)] * moments), (views, truth)][-moments:]
        actor = torch.cat([v for v, _ in self._stack], -3)
        critic = torch.cat([actor, *(t for _, t in self._stack)], -3)
        return {"actor": actor.flatten(0, 1), "critic": critic.flatten(0, 1)}

    def _path(self, frames: Tensor) -> Tensor:
        """Views of where each agent came from."""
        known = min(int(self._steps.max()), REMEMBERED - 1)
        visited = self._visited[..., REMEMBERED - 1 - known : -1, :]
        path = (visited - self.positions[..., None, :]) @ frames.mT
        shown = path_view(path, self.design.paths)
        return shown.masked_fill(self._forgetful[..., None, None, None], 0.0)

    def _frames(self) -> Tensor:
        if self.design.frame == "heading":
            return heading_frame(self.headings)
        return torch.eye(2).expand(*self.shape, 1, 2, 2)

    def _line_point(self, index: Tensor) -> Tensor:
        return torch.stack([line[i] for line, i in zip(self.lines, index, strict=True)])

    def _clamp(self, index: Tensor) -> Tensor:
        return torch.minimum(index.clamp(min=0), self._last)

    def _remaining(self) -> Tensor:
        return torch.where(self._way > 0, self._last - self._index, self._index)

    def _find(self) -> None:
        """The nearest point of the centreline, not far from the last one found."""
        window = self._index[..., None] + torch.arange(-24, 25)
        points = self._line_point(self._clamp(window.flatten(1))).reshape(*window.shape, 2)
        distance = (points - self.positions[..., None, :]).norm(dim=-1)
        nearest = distance.argmin(-1, keepdim=True)
        self._index = self._clamp(window.gather(-1, nearest)[..., 0])
        self.distance = distance.gather(-1, nearest)[..., 0]


def _drawn(draw: Draw, seed: int) -> Scene:
    return draw(np.random.default_rng(seed))


def _turn(headings: Tensor, angle: Tensor) -> Tensor:
    cosine, sine = torch.cos(angle), torch.sin(angle)
    y, x = headings[..., 0], headings[..., 1]
    return torch.stack([cosine * y + sine * x, cosine * x - sine * y], -1)


def _draw_centrelines(lines: list[Tensor], size: int) -> Tensor:
    """Images ``(M, 1, size, size)`` that are 1 on the centreline and fade over a pixel."""
    from scipy import ndimage

    drawn = []
    for line in lines:
        off = np.ones((size, size), bool)
        y, x = np.rint(line.numpy()).astype(int).T
        inside = (y >= 0) & (y < size) & (x >= 0) & (x < size)
        off[y[inside], x[inside]] = False
        drawn.append(np.exp(-0.5 * ndimage.distance_transform_edt(off) ** 2))
    return torch.from_numpy(np.stack(drawn)[:, None].astype(np.float32))
