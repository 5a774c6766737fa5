"""Ways to compute a `PointsGraph`: torch eager or compiled, OpenVINO, ONNX Runtime.

A backend is made for one frame size and one batch size, takes uint8 batches and gives points and scores later
(`base.Backend`), so that several batches are under way at once. All give the same points but for rounding;
`tolerance` says how much rounding is allowed, `choose` tries what is installed on the user's own frames and takes
the fastest within it, `plan.Plan` records the choice so that it can be made again.

- `torch_cpu`: eager, one batch a thread; the reference in float32.
- `torch_cuda`: compiled, with CUDA graphs and uploads that overlap.
- `openvino_cpu`: float32, bf16, and int8 with ranges measured on the user's frames (`quantise`).
- `onnx_cpu`: ONNX Runtime, float32.

Adding a new backend: a module with a class that follows `base.Backend`, and its lines in `choose.candidates` and
`make.Maker`.
"""
