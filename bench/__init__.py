"""ganbench: why did this GAN fail to train, and which knob would have saved it?"""

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    # Lazy, so that `import bench` costs nothing and the torch-free verbs stay torch-free.
    if name == "load":
        from bench.store.tables import load

        return load
    if name == "load_trial":
        from bench.train.restore import load_trial

        return load_trial
    if name == "load_plugin":
        from bench.plugins import load_plugin

        return load_plugin
    raise AttributeError(f"module 'bench' has no attribute {name!r}")
