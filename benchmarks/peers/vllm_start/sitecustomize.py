"""Lets every Python process of vLLM import a torchvision that was built for CUDA. vllm_peer.py puts this folder on
PYTHONPATH, since vLLM starts processes of its own.

torchvision's wheel on PyPI is built for CUDA. Without CUDA its library is not loaded, and the import fails at the first
operator that torchvision describes to torch. Nothing here calls these operators, so that it is enough to declare them
before the import."""
import importlib.machinery
import importlib.util
import re
import sys
from pathlib import Path


class OperatorDeclarer:
    """Finds no module itself; declares the operators when torchvision is looked for."""

    def __init__(self):
        self.declarations = None

    def find_spec(self, name, path=None, target=None):
        if name == "torchvision" and self.declarations is None:
            spec = importlib.machinery.PathFinder.find_spec(name, path)
            if spec and spec.origin:
                self._declare(Path(spec.origin).parent)
        return None

    def _declare(self, package):
        import torch

        extension = next(package.glob("_C*.so"), None)
        try:
            if extension:
                torch.ops.load_library(str(extension))
                return
        except OSError:
            pass
        described = (package / "_meta_registrations.py").read_text()
        self.declarations = torch.library.Library("torchvision", "DEF")
        for operator in re.findall(r'register_fake\("torchvision::(\w+)"\)', described):
            self.declarations.define(f"{operator}(Tensor input) -> Tensor")


sys.meta_path.insert(0, OperatorDeclarer())
