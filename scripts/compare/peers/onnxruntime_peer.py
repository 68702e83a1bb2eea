"""ONNX Runtime's training API: graphs for gradients and optimizer made ahead, then one call each a step."""

import tempfile
from pathlib import Path

import numpy
import onnx
import onnxruntime
from common import serve
from onnx import helper, numpy_helper
from onnxruntime.training import artifacts
from onnxruntime.training.api import CheckpointState, Module, Optimizer


def perceptron(parameters):
    """The network as ONNX, and the names of its parameters."""
    nodes, initializers, x = [], [], "x"
    for i, (w, b) in enumerate(parameters):
        initializers += [numpy_helper.from_array(w, f"w{i}"), numpy_helper.from_array(b, f"b{i}")]
        last = i + 1 == len(parameters)
        nodes.append(helper.make_node("Gemm", [x, f"w{i}", f"b{i}"], ["logits" if last else f"z{i}"]))
        if not last:
            nodes.append(helper.make_node("Relu", [f"z{i}"], [f"y{i}"]))
        x = f"y{i}"
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "perceptron", [value("x", 1, ["batch", 784])], [value("logits", 1, ["batch", 10])], initializers
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=9)
    return model, [tensor.name for tensor in initializers]


class Perceptron:
    def __init__(self, work):
        self.work = work
        self.folder = tempfile.TemporaryDirectory()
        folder = Path(self.folder.name)
        model, names = perceptron(work.initial_parameters())
        kinds = artifacts.OptimType
        artifacts.generate_artifacts(
            model,
            requires_grad=names,
            loss=artifacts.LossType.CrossEntropyLoss,
            optimizer=kinds.SGD if work.optimizer == "sgd" else kinds.AdamW,
            artifact_directory=str(folder),
        )
        without_decay(folder / "optimizer_model.onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = work.threads
        state = CheckpointState.load_checkpoint(str(folder / "checkpoint"))
        train, judge = str(folder / "training_model.onnx"), str(folder / "eval_model.onnx")
        self.network = Module(train, state, judge, session_options=options)
        self.optimizer = Optimizer(str(folder / "optimizer_model.onnx"), self.network)
        self.optimizer.set_learning_rate(work.rate)
        self.labels = work.labels.astype("i8")
        self.detail = "its own products"

    def epoch(self, order):
        self.network.train()
        for start in range(0, len(order), self.work.batch):
            chosen = order[start : start + self.work.batch]
            self.network(self.work.images[chosen], self.labels[chosen])
            self.optimizer.step()
            self.network.lazy_reset_grad()

    def recognise(self, images):
        path = str(Path(self.folder.name) / "inference.onnx")
        self.network.export_model_for_inferencing(path, ["logits"])
        (logits,) = onnxruntime.InferenceSession(path).run(["logits"], {"x": images})
        return numpy.argmax(logits, axis=1)


def without_decay(path):
    """AdamW becomes Adam."""
    model = onnx.load(path)
    for function_or_graph in [model.graph, *model.functions]:
        for node in function_or_graph.node:
            for attribute in node.attribute:
                if attribute.name == "weight_decay":
                    attribute.f = 0.0
    model.ir_version = 9  # newer ones are refused by the last release of the training API
    onnx.save(model, path)


serve(Perceptron, onnxruntime.__version__)
