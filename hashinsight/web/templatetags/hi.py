"""What pages are written with: figures that know their source and age, icons, bars, paging."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import template
from django.http import QueryDict
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from hashinsight.core import clock
from hashinsight.web import format as formats

register = template.Library()
_BAR_STEPS = 200


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """A sign from the sprite, hidden from screen readers (a word stands beside it)."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#i-{}"></use></svg>',
        css,
        static("img/icons.svg"),
        name,
    )


@register.simple_tag
def figure(  # noqa: PLR0917
    value: float | None,
    kind: str = "count",
    source: str = "",
    at: datetime | None = None,
    absent: bool = False,
    css: str = "",
) -> SafeString:
    """A figure in one of three states: a number (0 too), unknown (a skeleton) or, ``absent``, none (a dash).

    ``kind`` is one of web.format.KINDS; ``source`` says where it comes from, ``at`` when it was read. Both
    are shown on hover, focus and tap, with the age counted by the page's own clock.
    """
    tip = _("%(source)s · %(time)s") % {"source": source, "time": _clock(at)} if at else source
    if value is None:
        word = _("none") if absent else _("unknown")
        shown = format_html(
            '<span aria-hidden="true">{}</span><span class="vh">{}</span>', "–" if absent else "", word
        )
        state = "none" if absent else "unknown"
    else:
        number, unit = formats.show(kind, value)
        gap = "" if unit in {"", "%"} else "\N{NARROW NO-BREAK SPACE}"
        shown = format_html('<span class="fig-n">{}</span>{}<span class="fig-u">{}</span>', number, gap, unit)
        state = "zero" if value == 0 else "some"
    return format_html(
        '<span class="fig is-{} {}" data-tip="{}"{} title="{}">{}</span>',
        state,
        css,
        source,
        _at(at),
        tip,
        shown,
    )


@register.simple_tag
def age(at: datetime | None, css: str = "") -> SafeString:
    """“34 s ago”, counting in the browser; “never” without a time."""
    if at is None:
        return format_html('<span class="age {}">{}</span>', css, _("never"))
    return format_html(
        '<time class="age {}" datetime="{}"{} data-age title="{}">{}</time>',
        css,
        at.astimezone(UTC).isoformat(timespec="seconds"),
        _at(at),
        _clock(at),
        formats.ago(clock.age_s(at)),
    )


@register.simple_tag
def bar(value: float | None, whole: float | None, label: str, css: str = "") -> SafeString:
    """A bar of ``value`` within ``whole``, as SVG: its width is an attribute, not a style."""
    if value is None or not whole:
        return format_html('<span class="bar is-unknown {}"></span>', css)
    share = value / whole
    return format_html(
        '<svg class="bar {} {}" viewBox="0 0 {} 6" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect class="bar-all" width="{}" height="6"/><rect class="bar-part" width="{}" height="6"/></svg>',
        css,
        "is-over" if share > 1 else "",
        _BAR_STEPS,
        label,
        _BAR_STEPS,
        round(min(1.0, max(0.0, share)) * _BAR_STEPS, 1),
    )


@register.simple_tag
def stack(parts: list[tuple[str, str, int]], label: str) -> SafeString:
    """One bar made of parts (slug, label, count): the fleet at a glance. Empty parts take no room."""
    total = sum(part[2] for part in parts)
    if not total:
        return mark_safe('<span class="stack is-unknown"></span>')
    at = 0.0
    pieces = []
    for slug, _label, count in parts:
        width = _BAR_STEPS * count / total
        if count:
            pieces.append((slug, round(at, 2), round(max(width, 0.6), 2)))
        at += width
    return format_html(
        '<svg class="stack" viewBox="0 0 {} 10" preserveAspectRatio="none" role="img" aria-label="{}">'
        "{}</svg>",
        _BAR_STEPS,
        label + ": " + ", ".join(f"{count} {name}" for _slug, name, count in parts),
        format_html_join("", '<rect class="is-{}" x="{}" width="{}" height="10"/>', pieces),
    )


@register.simple_tag
def server_now() -> str:
    """The server's time in Unix seconds: the page counts ages from it, whatever the visitor's clock says."""
    return f"{clock.now().timestamp():.3f}"


@register.filter
def shown(value: float | None, kind: str) -> str:
    """A figure as plain text, for labels and titles."""
    if value is None:
        return _("unknown")
    number, unit = formats.show(kind, value)
    return f"{number} {unit}".strip()


@register.filter
def epoch(at: datetime | str | None) -> str:
    """Unix seconds, empty for none (a template hands on what is missing as an empty text)."""
    return f"{at.timestamp():.1f}" if isinstance(at, datetime) else ""


@register.simple_tag(takes_context=True)
def may(context: dict[str, Any], action: str) -> bool:
    """Whether the caller's role allows ``action``: what leads nowhere is not shown."""
    scope = context.get("scope")
    return scope is not None and scope.may(action)


@register.simple_tag(takes_context=True)
def query(context: dict[str, Any], **changes: Any) -> str:
    """The page's query with ``changes``; an empty value drops the key, and so does ``page`` unless given."""
    request = context.get("request")
    values = request.GET.copy() if request is not None else QueryDict(mutable=True)
    values.pop("page", None)
    for key, value in changes.items():
        values.pop(key, None)
        if value not in {None, ""}:
            values[key] = str(value)
    return f"?{values.urlencode()}" if values else "?"


def _at(at: datetime | None) -> SafeString:
    return format_html(' data-at="{}"', epoch(at)) if at else SafeString("")


def _clock(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
