"""Makes the Keras files that tests/nn/test_keras_models.py reads: networks saved by a real Keras, and their maps.

    python make_keras_files.py FLAVOUR OUT.zip

FLAVOUR is "keras-2.1.6" or "keras-2.2.4" (the Keras of LEAP's time), "tf-keras-2.15" or "keras-3". Each is made in a
throw-away environment; leaptui needs none of them:

    python3.11 -m venv env && env/bin/pip install "tensorflow-cpu==2.15.1" "scipy<1.14" "numpy<2"
    env/bin/pip install --no-deps --target old/2.1.6 keras==2.1.6 six pyyaml
    env/bin/pip install --no-deps --target old/2.2.4 keras==2.2.4 keras_applications==1.0.8 keras_preprocessing==1.1.2 \
        six pyyaml
    PYTHONPATH=old/2.1.6 env/bin/python make_keras_files.py keras-2.1.6 keras/keras-2.1.6.zip
    PYTHONPATH=old/2.2.4 env/bin/python make_keras_files.py keras-2.2.4 keras/keras-2.2.4.zip
    env/bin/python make_keras_files.py tf-keras-2.15 keras/tf-keras-2.15.zip

    python3.11 -m venv env3 && env3/bin/pip install "keras==3.12.0" torch h5py
    KERAS_BACKEND=torch env3/bin/python make_keras_files.py keras-3 keras/keras-3.zip

The zip holds NAME.h5, as `model.save` wrote it, and NAME.npz with `frames` (N, H, W, C) uint8, what the network makes
of frames / 255 as `maps` (N, H, W, J) float32, and LEAP's peaks `peaks` (N, [x, y, value], J).
The networks are LEAP's (github.com/talmo/leap, leap/models.py) with few filters, in words of our own, and some with
other layers. LEAP's upsampling layer is called UpSampling2D like Keras's, but keeps the centres of the corner
cells where they are, and does not write down its interpolation.
"""

import collections
import collections.abc
import os
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
FLAVOUR = sys.argv[1]
OLD = FLAVOUR.startswith("keras-2")


def old_keras():
    """Keras 2.1 or 2.2 on the TensorFlow of today: under its names of version 1."""
    import tensorflow
    import tensorflow.compat.v1 as tf
    from tensorflow.python.framework import ops

    for name in ("Iterable", "Mapping", "Sequence", "Callable"):
        setattr(collections, name, getattr(collections.abc, name))
    tf.disable_v2_behavior()
    ops._TensorLike = tensorflow.Tensor
    ops.is_dense_tensor_like = lambda x: isinstance(x, tensorflow.Tensor)
    for name in [n for n in sys.modules if n == "keras" or n.startswith("keras.")]:
        del sys.modules[name]
    sys.modules["tensorflow"] = tf
    import keras

    return keras


if OLD:
    keras = old_keras()
elif FLAVOUR.startswith("tf-keras"):
    from tensorflow import keras
else:
    import keras

L = keras.layers
K = keras.backend


class UpSampling2D(L.Layer):
    """Twice the size, bilinear, corners fixed, and silent about it, like LEAP's."""

    def __init__(self, size=(2, 2), data_format="channels_last", **others):
        super().__init__(**others)
        self.size, self.data_format = size, data_format

    def call(self, x):
        import tensorflow.compat.v1 as tf

        shape = tf.shape(x)[1:3] * 2
        return tf.image.resize_bilinear(x, shape, align_corners=True)

    def compute_output_shape(self, shape):
        return (shape[0], *(None if s is None else 2 * s for s in shape[1:3]), shape[3])

    def get_config(self):
        return {**super().get_config(), "size": self.size, "data_format": self.data_format}


def conv(filters, size=3, act="relu", **others):
    return L.Conv2D(filters, size, padding="same", activation=act, **others)


def grown(filters, bilinear, name=None, act="relu"):
    if bilinear:
        return UpSampling2D(name=name and name + "_Upsample")
    return L.Conv2DTranspose(filters, 3, strides=2, padding="same", activation=act, name=name and name + "_ConvT")


def pool(name=None):
    return L.MaxPooling2D(pool_size=2, strides=2, padding="same", name=name)


def channels_of(x):
    return int(x.shape[-1])


def leap_cnn(shape, nodes, filters, bilinear=False):
    first = x = L.Input(shape)
    for width in (filters, 2 * filters, 4 * filters):
        if width > filters:
            x = pool()(x)
        for _ in range(3):
            x = conv(width)(x)
    x = grown(2 * filters, bilinear)(x)
    x = conv(2 * filters)(conv(2 * filters)(x))
    x = grown(nodes, bilinear, act="linear")(x)
    if bilinear:
        x = conv(nodes, act="linear")(x)
    return keras.Model(inputs=first, outputs=x, name="LeapCNN")


def bottleneck(x, filters, prefix, factor=2, act="relu"):
    side = x
    for i, (width, size) in enumerate(((filters // factor, 1), (filters // factor, 3), (filters, 1)), start=1):
        x = conv(width, size, act, name=f"{prefix}_Conv{i}")(x)
    if channels_of(side) != filters:
        side = conv(filters, 1, act, name=f"{prefix}_ConvSkip")(side)
    return L.Add(name=f"{prefix}_AddRes")([side, x])


def glass(x, filters, bilinear, prefix):
    sides = []
    for i in range(1, 5):
        sides.append(bottleneck(x, filters, f"{prefix}{i}"))
        x = pool(f"{prefix}{i}_pool")(sides[-1])
    x = bottleneck(x, filters, f"{prefix}5")
    for i in range(6, 10):
        x = grown(filters, bilinear, f"{prefix}{i}")(x)
        x = L.Add(name=f"{prefix}{i}_Add")([sides.pop(), x])
        x = bottleneck(x, filters, f"{prefix}{i}")
    return x


def hourglass(shape, nodes, filters, bilinear=False):
    first = L.Input(shape, name="x_in")
    x = glass(first, filters, bilinear, "x")
    return keras.Model(inputs=first, outputs=conv(nodes, act="linear", name="x_out")(x), name="hourglass")


def stacked_hourglass(shape, nodes, filters, bilinear=False):
    first = L.Input(shape, name="x_in")
    early = glass(first, filters, bilinear, "x1_")
    late = glass(early, filters, bilinear, "x2_")
    outputs = [bottleneck(x, nodes, f"x_out{i}", 1, "linear") for i, x in enumerate((early, late), start=1)]
    return keras.Model(inputs=first, outputs=outputs, name="StackedHourglass")


def others(shape, nodes):
    """Layers that LEAP's networks have none of: output stride 2."""
    first = L.Input(shape)
    x = L.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(first)
    x = L.BatchNormalization(epsilon=1e-3)(x)
    x = side = L.Activation("relu")(x)
    x = L.Conv2D(4, (3, 5), dilation_rate=2, padding="same", activation="tanh")(x)
    x = L.Conv2D(6, 4, strides=2, padding="same")(x)
    x = L.BatchNormalization(scale=False)(x)
    x = L.LeakyReLU(0.2)(x)
    x = L.MaxPooling2D(3, strides=2, padding="same")(x)
    x = L.Dropout(0.5)(x)
    x = L.Conv2DTranspose(5, 4, strides=2, padding="same", activation="elu")(x)
    x = L.Conv2DTranspose(5, 2, strides=2, padding="valid", use_bias=False)(x)
    x = L.Concatenate()([side, x])
    x = L.AveragePooling2D(2)(x)
    if FLAVOUR == "keras-2.1.6":
        x = L.UpSampling2D(2)(x)
    else:
        x = L.UpSampling2D(2, interpolation="bilinear")(x)
    return keras.Model(inputs=first, outputs=L.Conv2D(nodes, 1, activation="sigmoid")(x))


def sequential(shape, nodes):
    """A plain chain, output stride 1."""
    return keras.Sequential(
        [
            L.Conv2D(
                4, 5, padding="same", activation="relu", **({"input_shape": shape} if FLAVOUR != "keras-3" else {})
            ),
            L.MaxPooling2D(),
            L.BatchNormalization(),
            L.Conv2D(4, 2, padding="same", activation="softplus"),
            L.UpSampling2D(),
            L.Conv2DTranspose(nodes, 1, strides=2, padding="same"),
            L.MaxPooling2D(),
        ]
    )


def randomise(model, generator):
    for layer in model.layers:
        weights = layer.get_weights()
        if not weights:
            continue
        if "batch_normalization" in layer.name:
            count = len(weights)
            made = [generator.normal(0, 0.3, w.shape) for w in weights]
            made[-1] = generator.uniform(0.3, 2.0, weights[-1].shape)
            if count == 4:
                made[0] = generator.uniform(0.5, 1.5, weights[0].shape)
        else:
            fan = (
                np.prod(weights[0].shape[:2])
                * weights[0].shape[3 if "transpose" in layer.name or "ConvT" in layer.name else 2]
            )
            # Residuals add up to hundreds, confidence maps reach to about 1.
            last = layer.name in ("x_out", "x_out1_Conv3", "x_out1_ConvSkip", "x_out2_Conv3", "x_out2_ConvSkip")
            gain = 0.003 if last else 0.3 if "_Conv3" in layer.name else 1.5
            made = [generator.normal(0, np.sqrt(gain / fan), weights[0].shape)]
            made += [generator.normal(0, 0.1, w.shape) for w in weights[1:]]
        layer.set_weights([m.astype("float32") for m in made])


def peaks_of(maps):
    """As LEAP's Maxima2D finds them: [x, y, value], whole cells counted from 0."""
    columns, rows = maps.max(axis=1), maps.max(axis=2)
    return np.stack([columns.argmax(axis=1), rows.argmax(axis=1), maps.max(axis=(1, 2))], axis=1).astype("float32")


def build(name):
    grey, colour = (48, 32, 1), (48, 32, 3)
    return {
        "leap_cnn": lambda: leap_cnn(grey, 2, 2),
        "leap_cnn-bilinear": lambda: leap_cnn(grey, 2, 2, bilinear=True),
        "hourglass": lambda: hourglass(grey, 2, 4),
        "hourglass-bilinear": lambda: hourglass(colour, 2, 4, bilinear=True),
        "stacked_hourglass": lambda: stacked_hourglass(grey, 2, 4),
        "stacked_hourglass-bilinear": lambda: stacked_hourglass(grey, 4, 4, bilinear=True),
        "others": lambda: others(colour, 2),
        "sequential": lambda: sequential(grey, 2),
    }[name]()


def names():
    leaps = ["leap_cnn", "hourglass", "stacked_hourglass"]
    made = {
        "keras-2.1.6": [x + s for x in leaps for s in ("", "-bilinear")] + ["others", "sequential"],
        "keras-2.2.4": ["leap_cnn-bilinear", "others", "sequential"],
        "tf-keras-2.15": ["leap_cnn", "stacked_hourglass", "others", "sequential"],
        "keras-3": ["leap_cnn", "hourglass", "others", "sequential"],
    }
    return made[FLAVOUR]


def main():
    generator = np.random.default_rng(5)
    with (
        tempfile.TemporaryDirectory() as folder,
        zipfile.ZipFile(sys.argv[2], "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out,
    ):
        for name in names():
            model = build(name)
            model.compile(optimizer="Adam", loss="mean_squared_error")
            frames = generator.integers(
                0, 256, (1, 48, 32, 3 if name in ("others", "hourglass-bilinear") else 1), np.uint8
            )
            x = frames.astype("float32") / 255
            if name == "leap_cnn":  # with the state of the optimiser in the file
                model.train_on_batch(x, np.zeros_like(model.predict(x, verbose=0)))
            randomise(model, generator)
            maps = model.predict(x, verbose=0)
            maps = np.asarray(maps[-1] if isinstance(maps, list | tuple) else maps)
            model.save(f"{folder}/{name}.h5")
            np.savez(f"{folder}/{name}.npz", frames=frames, maps=maps, peaks=peaks_of(maps))
            for path in (f"{name}.h5", f"{name}.npz"):
                entry = zipfile.ZipInfo(path)
                entry.compress_type = zipfile.ZIP_DEFLATED
                out.writestr(entry, (Path(folder) / path).read_bytes(), compresslevel=9)
            print(name, maps.shape, float(np.abs(maps).max()), (Path(folder) / f"{name}.h5").stat().st_size)


main()
