"""docs/layers.md names every layer there is, and none that there is not."""

import re
from pathlib import Path

import pytest

from fnnet import layers

PAGE = (Path(__file__).parents[1] / "docs/layers.md").read_text(encoding="utf-8")


def test_every_layer_has_its_place_in_the_table():
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(name for name in layers.__all__ if name[0].islower())


# What others have, in the releases that the page names, without the 1d, 2d, 3d and _v2 behind a name.
THEIRS = {
    "PyTorch": """
        AdaptiveAvgPool AdaptiveMaxPool AlphaDropout AvgPool BatchNorm Bilinear CELU ChannelShuffle CircularPad
        ConstantPad Container Conv ConvTranspose CosineSimilarity CrossMapLRN DataParallel Dropout ELU Embedding
        EmbeddingBag FeatureAlphaDropout Flatten Fold FractionalMaxPool GELU GLU GRU GRUCell GroupNorm Hardshrink
        Hardsigmoid Hardswish Hardtanh Identity InstanceNorm LPPool LSTM LSTMCell LayerNorm LeakyReLU Linear
        LocalResponseNorm LogSigmoid LogSoftmax MaxPool MaxUnpool Mish Module ModuleDict ModuleList
        MultiheadAttention PReLU PairwiseDistance ParameterDict ParameterList PixelShuffle PixelUnshuffle RMSNorm RNN
        RNNBase RNNCell RNNCellBase RReLU ReLU ReLU6 ReflectionPad ReplicationPad SELU Sequential SiLU Sigmoid Softmax
        Softmin Softplus Softshrink Softsign SyncBatchNorm Tanh Tanhshrink Threshold Transformer TransformerDecoder
        TransformerDecoderLayer TransformerEncoder TransformerEncoderLayer Unflatten Unfold Upsample
        UpsamplingBilinear UpsamplingNearest ZeroPad AdaptiveLogSoftmaxWithLoss
    """,
    "Keras": """
        Activation ActivityRegularization AdaptiveAveragePooling AdaptiveMaxPooling Add AdditiveAttention AlphaDropout
        Attention AugMix AutoContrast Average AveragePooling AvgPool BatchNormalization Bidirectional CategoryEncoding
        CenterCrop Concatenate ContrastLimitedAdaptiveHistogramEqualization Conv ConvLSTM ConvTranspose Convolution
        ConvolutionTranspose Cropping CutMix Dense DepthwiseConv Discretization Dot Dropout ELU EinsumDense Embedding
        Equalization Flatten FlaxLayer GRU GRUCell GaussianDropout GaussianNoise GlobalAveragePooling GlobalAvgPool
        GlobalMaxPool GlobalMaxPooling GroupNormalization GroupQueryAttention HashedCrossing Hashing Identity Input
        InputLayer InputSpec IntegerLookup JaxLayer LSTM LSTMCell Lambda Layer LayerNormalization LeakyReLU Masking
        MaxNumBoundingBoxes MaxPool MaxPooling Maximum MelSpectrogram Minimum MixUp MultiHeadAttention Multiply
        Normalization PReLU Permute Pipeline RMSNormalization RNN RandAugment RandomBrightness
        RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop RandomElasticTransform RandomErasing
        RandomFlip RandomGaussianBlur RandomGrayscale RandomHue RandomInvert RandomPerspective RandomPosterization
        RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation RandomZoom ReLU RepeatVector
        Rescaling Reshape Resizing ReversibleEmbedding STFTSpectrogram SeparableConv SeparableConvolution SimpleRNN
        SimpleRNNCell Softmax Solarization SpatialDropout SpectralNormalization StackedRNNCells StringLookup Subtract
        TFSMLayer TextVectorization TimeDistributed TorchModuleWrapper UnitNormalization UpSampling Wrapper
        ZeroPadding
    """,
    "Equinox": """
        AdaptiveAvgPool AdaptiveMaxPool AdaptivePool AvgPool BatchNorm Conv ConvTranspose Dropout Embedding GRUCell
        GroupNorm Identity LSTMCell Lambda LayerNorm Linear MLP MaxPool MultiheadAttention PReLU Pool RMSNorm
        RotaryPositionalEmbedding Sequential Shared SpectralNorm State StateIndex StatefulLayer WeightNorm
    """,
    "thinc": """
        CauchySimilarity ClippedLinear Dish Dropout Embed Gelu HardSigmoid HardSwish HardSwishMobilenet HardTanh
        HashEmbed LSTM LayerNorm Linear Logistic MXNetWrapper Maxout Mish MultiSoftmax ParametricAttention PyTorchLSTM
        PyTorchRNNWrapper PyTorchWrapper Relu ReluK Sigmoid Softmax SparseLinear Swish TensorFlowWrapper
        TorchScriptWrapper add array_getitem bidirectional chain clone concatenate expand_window keras_subclass
        list2array list2padded list2ragged map_list noop padded2list premap_ids pytorch_to_torchscript_wrapper
        ragged2list reduce_first reduce_last reduce_max reduce_mean reduce_sum remap_ids residual resizable siamese
        sigmoid_activation softmax_activation strings2arrays tuplify uniqued with_array with_cpu
        with_debug with_flatten with_getitem with_list with_nvtx_range with_padded with_ragged with_reshape
        with_signpost_interval
    """,
}


@pytest.mark.parametrize("library", THEIRS)
def test_every_layer_of_others_is_in_the_table_or_left_out_for_a_reason(library):
    written = {re.sub(r"[123][dD](?=$|Transpose$)", "", word) for word in re.findall(r"`([A-Za-z]\w*)", PAGE)}
    assert not set(THEIRS[library].split()) - written
