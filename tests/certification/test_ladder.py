"""The verdict is what enumeration finds, and the checker confirms it from the certificate alone."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from small_boxes import cases, images_around, judged

from qsim.certification.branch import Effort
from qsim.certification.counterexamples import counterexamples
from qsim.certification.ladder import Certifier


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_the_verdict_is_that_of_enumeration(case) -> None:
    model, image, radius = case
    around = images_around(model, image, radius)
    classes = model.predict(around)
    certifier = Certifier(model)
    for label in range(model.classes):
        finding = certifier.decide(image, label, radius, Effort(100_000))
        assert finding.verdict == ("robust" if (classes == label).all() else "broken")
        assert judged(model, image, label, radius, finding) == finding.verdict


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_counterexamples_are_within_the_radius_and_wrong(case) -> None:
    model, image, radius = case
    label = model.predict(image[None])
    found, broken = counterexamples(model, image[None], label, radius)
    assert np.abs(found - image).max() <= radius
    assert (model.predict(found) != label)[0] == broken[0]
    assert broken[0] <= (model.predict(images_around(model, image, radius)) != label[0]).any()
