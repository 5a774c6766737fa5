"""Networks that draw one confidence map a node.

An architecture is a `torch.nn.Module` with

- a constructor `(in_channels: int, nodes: int, **options)`; options are numbers or lists of numbers, all with
  defaults, and nonsense among them raises `leaptui.errors.UsageError`;
- `output_stride: int`, pixels of the frame a cell of the maps; cell (i, j) looks at the pixel given in
  `leaptui.nn.geometry`;
- `padding_multiple: int`, what height and width of the frames must be multiples of (callers pad);
- `forward(frames)`: (N, C, H, W) float, normalised -> (N, J, H / output_stride, W / output_stride), with no
  activation at the end: the loss decides what the maps mean. In training mode it may return a tuple of such
  maps, the last of which is the answer; training minimises the sum of their losses (intermediate supervision).

Height and width may be anything that is such a multiple, and may differ. Training and prediction run with
mixed precision and in channels-last memory, so nothing here may depend on dtype or strides.

Adding a new architecture: write a module here with such a class and list it in
`leaptui.registry.ARCHITECTURES`; `tests/nn/test_architectures.py` then holds it to this contract.
"""
