"""A kernel starts, answers and ends."""

from autograder.kernels import Limits


def test_a_kernel_answers(session, run_async, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "text.txt").write_text("given")

    async def main():
        async with session(files=tmp_path) as kernel:
            assert await kernel.value("1 + 1") == "2"
            assert await kernel.value("print(open('data/text.txt').read())") == "given"
            assert kernel.km.provisioner.tier in ("strict", "contained", "limited")

    run_async(main)


def test_an_examiner_has_everything(session, run_async):
    async def main():
        async with session(side="examiner", modules=("autograder.checks",)) as kernel:
            assert await kernel.value("import sys; 'autograder.checks' in sys.modules") == "True"
            assert kernel.km.provisioner.tier == "none"

    run_async(main)


def test_an_endless_loop_ends(session, run_async):
    async def main():
        async with session(limits=Limits(wall_seconds=1)) as kernel:
            kernel.kc.execute("while True: pass")
            assert await kernel.km.provisioner.wait() < 0
            assert kernel.km.provisioner.ended_because == "ran longer than 1 second"

    run_async(main)
