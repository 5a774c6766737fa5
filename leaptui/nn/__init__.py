"""The pose engine: networks, training and prediction. The only code that imports torch and Lightning.

- `settings`, `model_metadata`: what a training run can be told and what a model file says; without torch, so
  that screens and commands may read them.
- `architectures`: the networks; `losses`, `confidence_maps`, `peaks`: what they draw and how it is read.
- `geometry`: the pixel conventions of all of them; `preprocessing`: from a frame to the input and back.
- `data`: labelled frames and their split; `batches`: frames on the device; `augment`: their random changes.
- `module`, `averaging`, `callbacks`, `manners`: training under Lightning; `figures`: what validation measures.
- `training`: one call from labels to a model file; `model`: that file; `predictor`: its use on frames.
- `keras_model`, `keras_graph`, `keras_layers`: networks that LEAP, or somebody else, trained and saved with Keras.
- `hardware`: device and precision.
"""
