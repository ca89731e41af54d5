# SPDX-License-Identifier: Apache-2.0
"""Times training steps of the paper's networks in TensorFlow; see train_step.lua.

One tf.function with forward, gradients and update, NHWC. The last line is "median 61.2 ms,
1634 images/s".
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before TensorFlow is loaded

import tensorflow as tf  # noqa: E402

from peers import (  # noqa: E402
    MOMENTUM,
    RATE,
    SLOPE,
    Network,
    arguments,
    read_network,
    time_steps,
)


class Model:
    def __init__(self, network: Network) -> None:
        self.convs = network.convs
        self.weights: list[tf.Variable] = []
        for conv in network.convs:
            fan_in = conv.kernel * conv.kernel * conv.channels
            deviation = (2 / ((1 + SLOPE * SLOPE) * fan_in)) ** 0.5
            shape = [conv.kernel, conv.kernel, conv.channels, conv.filters]
            self.add(shape, deviation)
        self.add([network.inputs, network.classes], network.inputs**-0.5)

    def add(self, shape: list[int], deviation: float) -> None:
        self.weights.append(tf.Variable(tf.random.normal(shape, stddev=deviation)))
        self.weights.append(tf.Variable(tf.zeros(shape[-1:])))

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        for i, conv in enumerate(self.convs):
            x = tf.nn.conv2d(x, self.weights[2 * i], strides=1, padding="VALID")
            x = tf.nn.leaky_relu(tf.nn.bias_add(x, self.weights[2 * i + 1]), alpha=SLOPE)
            if conv.pooled:
                # The op takes the ratio and rounds the output's size down.
                ratio = (conv.size - conv.kernel + 1) / (conv.pooled + 1e-3)
                x, _, _ = tf.nn.fractional_max_pool(x, [1, ratio, ratio, 1], overlapping=True)
                x = tf.ensure_shape(x, [None, conv.pooled, conv.pooled, conv.filters])
        x = tf.reshape(x, [x.shape[0], -1])
        return tf.matmul(x, self.weights[-2]) + self.weights[-1]


def main() -> None:
    options = arguments(__doc__.splitlines()[0], ["function"])
    network = read_network(options.shapes)
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.random.set_seed(1)

    first = network.convs[0]
    model = Model(network)
    x = tf.random.normal([network.batch, first.size, first.size, first.channels]) * 0.1
    y = tf.random.uniform([network.batch], maxval=network.classes, dtype=tf.int32)
    moments = [tf.Variable(tf.zeros_like(weight)) for weight in model.weights]

    @tf.function
    def train(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=model(x))
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, model.weights)
        for weight, moment, gradient in zip(model.weights, moments, gradients):
            # One kernel for each update, as the optimizers of Keras once did it.
            tf.raw_ops.ResourceApplyKerasMomentum(
                var=weight.handle, accum=moment.handle, lr=RATE, grad=gradient,
                momentum=MOMENTUM, use_nesterov=True)
        return loss

    time_steps(lambda: float(train(x, y)), network.batch, options.warmup, options.steps)


main()
