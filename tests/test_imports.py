"""The library stands on few feet: torch, transformers, numpy, scipy and safetensors."""

import subprocess
import sys

BLOCKED = """
import sys
from importlib.machinery import PathFinder

HIDDEN = "ray av pyarrow fsspec s3fs pandas tyro rich fastapi duckdb".split()

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.split(".")[0] in HIDDEN else PathFinder.find_spec(name, path, target)

sys.meta_path = [Without if finder is PathFinder else finder for finder in sys.meta_path]
"""


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", BLOCKED + code], capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_predicts_trains_a_step_saves_and_loads_without_the_rest(tmp_path: object) -> None:
    code = f"""
import numpy as np, torch
import emotalk
from emotalk.model.presets import lite_config
from emotalk.training.batches import collate
from emotalk.training.units import Example
from emotalk.training.losses import LossWeights, TrainingStep, loss_counts, loss_sums, weighted_total
from emotalk.training.squares import Single

sound = (0.1 * np.random.default_rng(0).standard_normal(16000)).astype(np.float32)
model = emotalk.EmoTalk(lite_config(styles=2))
batch = collate([Single(0)], {{0: Example("a", sound, np.ones((30, 52), np.float32), 1, 0, 0)}}, 2)
optimiser = torch.optim.Adam(model.parameters(), 1e-2)
for _ in range(2):
    sums, counts = loss_sums(TrainingStep(model)(batch), batch), loss_counts(batch)
    loss = weighted_total(sums, counts, LossWeights())
    optimiser.zero_grad(); loss.backward(); optimiser.step()
model.save_pretrained({str(tmp_path)!r})
again = emotalk.EmoTalk.from_pretrained({str(tmp_path)!r})
animation = emotalk.Animator(again).animate(sound)
animation.save({str(tmp_path)!r} + "/a.npz")
assert emotalk.Animation.load({str(tmp_path)!r} + "/a.npz").frames == 45
print("fine", animation.frames)
"""
    assert run(code).split() == ["fine", "45"]


def test_the_library_never_imports_ray() -> None:
    code = """
import importlib, pkgutil, sys
sys.meta_path = [PathFinder if finder is Without else finder for finder in sys.meta_path]
import emotalk
for module in pkgutil.walk_packages(emotalk.__path__, "emotalk."):
    importlib.import_module(module.name)
print([name for name in sys.modules if name.split(".")[0] == "ray"])
"""
    assert run(code).strip() == "[]"


def test_commands_tell_mistakes_before_they_import_ray_and_torch() -> None:
    code = """
sys.meta_path = [PathFinder if finder is Without else finder for finder in sys.meta_path]
import emotalk.cli, jobs.build_corpus, jobs.dub, jobs.report_corpus, serve_app.__main__
print(sorted({"pandas", "ray", "torch", "transformers"} & sys.modules.keys()))
"""
    assert run(code).strip() == "[]"
