"""Every error of the language side, as one tree.

    ModelsError                       models_error
    ├── ModelUnavailable              model_unavailable
    │   ├── ModelFolderMissing        model_folder_missing
    │   └── ModelFolderRefused        model_folder_refused
    ├── EncoderFailed                 encoder_failed
    ├── CodebookNotAccepted           codebook_not_accepted
    │   ├── CodebookTooLarge          codebook_too_large
    │   ├── CodeIdRepeated            code_id_repeated
    │   ├── CodeParentUnknown         code_parent_unknown
    │   ├── CodeCycle                 code_cycle
    │   ├── CodePathRepeated          code_path_repeated
    │   └── CodeNameTooSimilar        code_name_too_similar
    ├── ExampleNotAccepted            example_not_accepted
    └── AdaptationCancelled           adaptation_cancelled

The docstring of a class is its default message; ``code`` is permanent and documented. Messages hold no
text of a study and no contents of a file.
"""

import inspect
from typing import ClassVar


class ModelsError(Exception):
    """The language side could not do what it was asked."""

    code: ClassVar[str] = "models_error"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or inspect.getdoc(type(self)))


class ModelUnavailable(ModelsError):
    """No model can be used at the moment."""

    code: ClassVar[str] = "model_unavailable"


class ModelFolderMissing(ModelUnavailable):
    """There is no model folder at the configured place."""

    code: ClassVar[str] = "model_folder_missing"


class ModelFolderRefused(ModelUnavailable):
    """The model folder holds something that must not be loaded."""

    code: ClassVar[str] = "model_folder_refused"


class EncoderFailed(ModelsError):
    """The encoder could not make vectors of these texts."""

    code: ClassVar[str] = "encoder_failed"


class CodebookNotAccepted(ModelsError):
    """The codebook has a mistake.

    Attributes:
        places: where in the codebook, e.g. ``("codes[3]", "codes[7]")``; positions count from 0.
    """

    code: ClassVar[str] = "codebook_not_accepted"

    def __init__(self, message: str, *, places: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.places = places


class CodebookTooLarge(CodebookNotAccepted):
    """The codebook has too many codes or too many levels."""

    code: ClassVar[str] = "codebook_too_large"


class CodeIdRepeated(CodebookNotAccepted):
    """Two codes have the same id."""

    code: ClassVar[str] = "code_id_repeated"


class CodeParentUnknown(CodebookNotAccepted):
    """A code's parent is not in the codebook."""

    code: ClassVar[str] = "code_parent_unknown"


class CodeCycle(CodebookNotAccepted):
    """A code is its own ancestor."""

    code: ClassVar[str] = "code_cycle"


class CodePathRepeated(CodebookNotAccepted):
    """Two codes with one parent have the same name."""

    code: ClassVar[str] = "code_path_repeated"


class CodeNameTooSimilar(CodebookNotAccepted):
    """Two codes with one parent have names that look alike."""

    code: ClassVar[str] = "code_name_too_similar"


class ExampleNotAccepted(ModelsError):
    """An example names a code that the codebook does not have.

    Attributes:
        places: which example, e.g. ``("examples[3]",)``; positions count from 0.
    """

    code: ClassVar[str] = "example_not_accepted"

    def __init__(self, message: str, *, places: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.places = places


class AdaptationCancelled(ModelsError):
    """The fitting of the model was cancelled."""

    code: ClassVar[str] = "adaptation_cancelled"
