"""The lists behind the check of a model folder: what may be called what.

Written against sentence-transformers 6.2 and transformers 5.23. A name that a later release brings is
refused until somebody has read what the library does with it and adds it here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

# A name that is no path, no dotted import and no hub repository.
PLAIN_WORDS = re.compile(r"[A-Za-z0-9_ -]{0,64}")
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,127}")
SHARD_NAME = re.compile(r"model-[0-9]{5}-of-[0-9]{5}\.safetensors")

MAX_MODULES = 16

# Keys through which a library finds code, another file or another model. Refused at any depth, in any file.
REFUSED_KEYS = frozenset(
    {
        "adapter_kwargs",  # peft: another model on top
        "allow_all_kernels",  # compiled code from a hub
        "auto_map",  # Python files of the folder
        "auto_mapping",  # peft: imports the library it names
        "base_model_name_or_path",
        "chat_template",  # a template program
        "code_revision",
        "compression_config",
        "configuration_files",  # another config.json
        "custom_generate",
        "custom_pipelines",
        "device_map",
        "distributed_config",
        "fast_tokenizer_files",  # another tokenizer.json
        "feature_extractor_type",
        "fusion_config",
        "gguf_file",
        "image_processor_type",
        "kernel_config",
        "parent_library",
        "per_layer_config",
        "processor_class",
        "quantization_config",  # classes of further libraries
        "tokenizer_name_or_path",
        "tokenizer_object",
        "transformers_weights",  # another weights file, pickles included
        "use_kernels",
        "video_processor_type",
    }
)

TOKENIZER_CLASSES = frozenset(
    {"PreTrainedTokenizerFast", "TokenizersBackend"}
    | {
        f"{family}Tokenizer{ending}"
        for family in (
            "Bert",
            "Roberta",
            "XLMRoberta",
            "MPNet",
            "DistilBert",
            "Albert",
            "Electra",
            "Camembert",
        )
        for ending in ("", "Fast")
    }
)
DTYPES = frozenset({"float64", "float32", "float16", "bfloat16"})
# Any other name of an attention makes transformers fetch a kernel.
ATTENTIONS = frozenset({"eager", "sdpa"})

# Keys that name something, at any depth, in any file: null or one of these.
ALLOWED_NAMES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "tokenizer_class": TOKENIZER_CLASSES,
        "dtype": DTYPES,
        "torch_dtype": DTYPES,
        "attn_implementation": ATTENTIONS,
        "_attn_implementation": ATTENTIONS,
        "_attn_implementation_internal": ATTENTIONS,
        "experts_implementation": ATTENTIONS,
        "_experts_implementation": ATTENTIONS,
        "_experts_implementation_internal": ATTENTIONS,
        "backend": frozenset({"tokenizers"}),
    }
)

ACTIVATIONS = frozenset(
    {
        "gelu", "gelu_accurate", "gelu_fast", "gelu_new", "gelu_python", "gelu_python_tanh",
        "gelu_pytorch_tanh", "leaky_relu", "linear", "mish", "quick_gelu", "relu", "relu2", "relu6",
        "sigmoid", "silu", "swish", "tanh",
    }
)  # fmt: skip

# The one place where a dotted name is imported and called, so only classes that were read.
DENSE_ACTIVATIONS = frozenset(
    {f"torch.nn.modules.activation.{name}" for name in ("GELU", "ReLU", "Sigmoid", "SiLU", "Tanh")}
    | {"torch.nn.modules.linear.Identity"}
)

# Keys of config.json whose string is shown or compared, never resolved.
FREE_STRINGS = frozenset({"_name_or_path", "name_or_path", "transformers_version", "model_type"})
# Nested objects of config.json that hold figures and labels. Every other nested object configures a
# further library (quantisation, adapters, parallel running), which an encoder does not need.
FREE_OBJECTS = frozenset(
    {"id2label", "label2id", "pruned_heads", "rope_parameters", "rope_scaling", "task_specific_params"}
)

# The memory that a library reserves follows from these before it reads the weights.
LARGEST: Mapping[str, int] = MappingProxyType(
    {
        "vocab_size": 4_000_000, "max_position_embeddings": 1_000_000, "type_vocab_size": 1_000,
        "num_hidden_layers": 256, "n_layers": 256, "num_attention_heads": 1_024, "n_heads": 1_024,
        "hidden_size": 16_384, "dim": 16_384, "embedding_size": 16_384,
        "intermediate_size": 65_536, "hidden_dim": 65_536,
        "in_features": 16_384, "out_features": 16_384, "dimension": 16_384,
        "embedding_dimension": 16_384, "word_embedding_dimension": 16_384,
        "max_seq_length": 1_000_000, "query_length": 1_000_000, "document_length": 1_000_000,
    }
)  # fmt: skip


def _architectures(family: str, *further: str) -> frozenset[str]:
    return frozenset(f"{family}{part}" for part in ("Model", "ForMaskedLM", *further))


# model_type -> architectures whose checkpoints transformers' AutoModel reads as that encoder.
ARCHITECTURES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "bert": _architectures("Bert", "ForPreTraining"),
        "roberta": _architectures("Roberta"),
        "xlm-roberta": _architectures("XLMRoberta"),
        "mpnet": _architectures("MPNet"),
        "distilbert": _architectures("DistilBert"),
        "albert": _architectures("Albert", "ForPreTraining"),
        "electra": _architectures("Electra", "ForPreTraining"),
        "camembert": _architectures("Camembert"),
        "modernbert": _architectures("ModernBert"),
    }
)


@dataclass(frozen=True, kw_only=True)
class ModuleKind:
    """What is known of one kind of sentence-transformers module.

    Attributes:
        type_names: how ``modules.json`` may call it; releases before 5.4 wrote the first form.
        config_keys: all keys that its configuration may have, so that a key of a later release is
            refused until somebody has read what it does.
        needs_config: whether it cannot be made without its configuration.
        has_weights: whether it reads a ``model.safetensors``.
    """

    type_names: frozenset[str]
    config_keys: frozenset[str]
    needs_config: bool = True
    has_weights: bool = False


def _type_names(name: str, *modules: str) -> frozenset[str]:
    places = ("sentence_transformers.models", "sentence_transformers.sentence_transformer.modules", *modules)
    return frozenset(f"{place}.{name}" for place in places)


_IN_AND_OUT = frozenset({"module_input_name", "module_output_name"})

MODULE_KINDS: Mapping[str, ModuleKind] = MappingProxyType(
    {
        "Transformer": ModuleKind(
            type_names=_type_names("Transformer", "sentence_transformers.base.modules.transformer"),
            config_keys=frozenset(
                {
                    "max_seq_length", "do_lower_case", "transformer_task", "modality_config",
                    "module_output_name", "processing_kwargs", "unpad_inputs",
                    "query_length", "document_length", "query_expansion",
                    "model_args", "tokenizer_args", "config_args",
                    "model_kwargs", "processor_kwargs", "config_kwargs",
                }
            ),
            has_weights=True,
        ),
        "Pooling": ModuleKind(
            type_names=_type_names("Pooling", "sentence_transformers.sentence_transformer.modules.pooling"),
            config_keys=frozenset(
                {
                    "word_embedding_dimension", "embedding_dimension", "include_prompt", "pooling_mode",
                    "pooling_mode_cls_token", "pooling_mode_max_tokens", "pooling_mode_mean_tokens",
                    "pooling_mode_mean_sqrt_len_tokens", "pooling_mode_weightedmean_tokens",
                    "pooling_mode_lasttoken",
                }
            ),
        ),
        "Normalize": ModuleKind(
            type_names=_type_names(
                "Normalize",
                "sentence_transformers.base.modules.normalize",
                "sentence_transformers.sentence_transformer.modules.normalize",
            ),
            config_keys=_IN_AND_OUT,
            needs_config=False,
        ),
        "Dense": ModuleKind(
            type_names=_type_names("Dense", "sentence_transformers.base.modules.dense"),
            config_keys=_IN_AND_OUT
            | {"in_features", "out_features", "bias", "activation_function", "use_residual"},
            has_weights=True,
        ),
        "LayerNorm": ModuleKind(
            type_names=_type_names(
                "LayerNorm", "sentence_transformers.sentence_transformer.modules.layer_norm"
            ),
            config_keys=frozenset({"dimension"}),
            has_weights=True,
        ),
        "Dropout": ModuleKind(
            type_names=_type_names("Dropout", "sentence_transformers.sentence_transformer.modules.dropout"),
            config_keys=frozenset({"dropout"}),
            needs_config=False,
        ),
    }
)  # fmt: skip
