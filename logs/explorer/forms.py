"""The form that keeps a view of the explorer."""

from __future__ import annotations

from django import forms

from logs.explorer.packed import unpacked
from logs.explorer.state import LASTING, ExplorerState


class SavedViewForm(forms.Form):
    """A name for the page that `page` has, packed."""

    name = forms.CharField(max_length=80, label="Name")
    is_shared = forms.BooleanField(required=False, label="Share with organisation")
    page = forms.CharField(required=False, max_length=20_000, widget=forms.HiddenInput)

    def params(self) -> dict[str, str]:
        """Return the lasting parameters of the page, as they would be written today."""
        asked = ExplorerState.read(unpacked(self.cleaned_data["page"]))
        return {name: value for name, value in asked.params().items() if name in LASTING}
