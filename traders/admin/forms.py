"""Forms of the desk."""

from django import forms


class ReasonForm(forms.Form):
    """Why staff decide as they do."""

    reason = forms.CharField(
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Followers see it as the note of the desk, and the audit trail keeps it.",
    )
