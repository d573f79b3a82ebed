"""What the studies ask of their runs, on runs that are made up."""

import attrs
import pytest

from experiments.engine.study import Run, Statement, StudyResults, get, studies
from experiments.engine.verdicts import NO_VERDICT, holds
from experiments.reports.r3.tasks import PRINTED

WOBBLE = (0.0, 0.001, 0.002)  # what three seeds differ by


def answered(name, rows, final=None):
    """A study's answers: label -> rows, and label -> final figures; other settings have no run."""
    study = get(name)
    final = final or {}
    runs = {setting.label: {} for setting in study.settings}
    for label in {*rows, *final}:
        for seed, more in enumerate(WOBBLE):
            own = [{key: value + more * (key != "epoch") for key, value in row.items()} for row in rows.get(label, ())]
            ending = {key: value + more for key, value in final.get(label, {}).items()}
            runs[label][seed] = Run(seed, own, ending, 1.0, "", {})
    return StudyResults(study, runs)


def verdicts(answers, line):
    """What is found of every statement of the report that names a line."""
    found = [(claim, claim.compared(answers)) for claim in answers.study.claims if line in claim.line]
    return [(claim.text, claim.measure(answers.study).title, each.verdict) for claim, each in found if each]


@pytest.mark.parametrize(("best", "verdict"), [(0.1135, 1), (0.9889, -1)])
def test_staying_at_chance_is_a_statement(best, verdict):
    """A run that leaves and comes back has left."""
    rows = [{"epoch": epoch, "test_accuracy": accuracy} for epoch, accuracy in ((1, 0.1), (71, best), (200, 0.1))]
    answers = answered("r5-sgd", {"rate 0.001": rows}, {"rate 0.001": {"test_accuracy": 0.1}})
    assert holds(answers, answers.setting("rate 0.001")) == NO_VERDICT
    [(says, _, found)] = verdicts(answers, "R5 l.1071")
    assert says == "stays at about 10 % for 200 epochs: “rate 0.001”"
    assert found == verdict
    asked = [claim for claim in answers.study.claims if isinstance(claim, Statement)]
    assert [claim.ours for claim in asked] == [False, True, False, True]  # R5's `col2im` assigns


def test_chance_is_no_score():
    """A verdict on it would come out as `better` for every net that learns."""
    for study in studies().values():
        if study.measure.title.endswith("%"):
            for setting in study.settings:
                assert setting.reported is None or setting.reported > 0.2, (study.name, setting.label)


def test_sequences_have_their_own_settings_first():
    """R3's class for several layers has rate 0.001, no penalty and a ReLU at the end (l.251–262); 0.01 comes next."""
    printed = {"learning_rate": 0.001, "penalty": 0.0, "last_relu": True, "masked": False, "loss": "softmax NLL"}
    for name, first, other in (
        (
            "r3-nets",
            "two hidden layers (128, 64), 2,000 epochs",
            "two hidden layers (128, 64), rate 0.01, 2,000 epochs",
        ),
        ("r3-dropout", "rate 0.0", "rate 0.0; learning rate 0.01, penalty 0.1"),
        ("r3-dropout", "rate 0.5", "rate 0.5; learning rate 0.01, penalty 0.1"),
    ):
        labels = [setting.label for setting in get(name).settings]
        one, two = (get(name).settings[labels.index(label)] for label in (first, other))
        assert labels.index(first) < labels.index(other)
        assert (one.former, two.former) == (first, "")
        assert {key: getattr(one.config, key) for key in printed} == printed
        assert (two.config.learning_rate, two.config.last_relu) == (PRINTED.learning_rate, False)
        assert "or this" in two.says
        assert one.config.hidden == two.config.hidden


@pytest.mark.parametrize("name", ["r3-nets", "r3-overfitting"])
def test_figures_of_r3_are_judged_by_five_seeds(name):
    assert len(get(name).seeds) == 5


@pytest.mark.parametrize(
    ("train", "valid", "said"),
    [
        (0.6, 0.7, "Both rise: that is no over-fitting"),
        (0.3, 0.7, "Only the validation loss rises: that is over-fitting"),
        (0.3, 0.4, "The validation loss is no higher than it was"),
    ],
)
def test_over_fitting_is_told_from_a_training_that_goes_wrong(train, valid, said):
    losses = {300: (9.0, 9.0), 500: (0.4, 0.5), 510: (9.0, 9.0), 1_800: (9.0, 9.0), 2_000: (train, valid)}
    rows = [
        {"epoch": epoch, "train_loss": own, "valid_loss": held, "valid_accuracy": 0.9, "test_accuracy": 0.9}
        for epoch, (own, held) in losses.items()
    ]
    answers = answered("r3-overfitting", {"after 2,000 epochs": rows})
    [sentence] = [sentence for sentence in answers.study.remarks(answers) if "means over 200 epochs" in sentence]
    assert f"training loss goes from 0.401 to {train + 0.001:.3f}, the validation loss from 0.501 to" in sentence
    assert said in sentence


def test_a_convolution_has_fewer_parameters_than_what_it_replaces():
    answers = answered("r3-nets", {"convolution, then 10, 20 epochs": []})
    [(_, _, verdict)] = verdicts(answers, "R3 l.963")
    assert verdict == 1
    statement = next(claim for claim in answers.study.claims if claim.line == "R3 l.963")
    assert statement.compared(answers).mean == (256 * 64 + 64) - (9 * 8 + 8)
    assert "17,098 parameters in all" in answers.study.remarks(answers)[0]  # 16,448 + 650
    assert "20,570: the last" in answers.study.remarks(answers)[0]  # 80 + 20,490


@pytest.mark.parametrize(("early", "verdict"), [(0.5, 1), (1.9, -1)])
def test_xavier_is_asked_to_fall_within_few_epochs(early, verdict):
    rows = [{"epoch": epoch, "train_loss": loss} for epoch, loss in ((5, 2.0), (10, early), (100, 0.3))]
    late = [{"epoch": epoch, "train_loss": 3.0} for epoch in (5, 10, 100)]
    answers = answered(
        "r3-initialisation", {"one hidden layer, Xavier": rows, "one hidden layer, randn": late}, {"randn": {}}
    )
    compared, fall = verdicts(answers, "R3 l.158")
    assert compared[1:] == ("training loss of the first 10 epochs, mean, nats", 1)
    assert fall[2] == verdict


def test_r4_is_asked_of_accuracies():
    """Dropout makes the training loss higher by itself: it says nothing of how fast the accuracy rises."""
    fast, slow = (
        [{"epoch": epoch, "test_accuracy": accuracy, "train_loss": loss} for epoch in range(1, 51)]
        for accuracy, loss in ((0.8, 2.0), (0.7, 1.0))
    )
    batch = answered("r4-batch", {"batch 64, dropout 0.1": fast, "batch 64": slow})
    ink = answered("r4-ink", {"ink = 1": fast, "background = 1": slow})
    title = "test accuracy of the first 10 epochs, mean, %"
    for answers, line in ((batch, "R4 l.242"), (ink, "R4 l.250")):
        assert [found for _, by, found in verdicts(answers, line) if by == title] == [1]
    assert "deviation of the test accuracy from its trend, points" in [by for _, by, _ in verdicts(ink, "R4 l.250")]
    for study in studies().values():
        if study.report == "R4":
            titles = [claim.measure(study).title for claim in study.claims]
            assert not [title for title in titles if "training loss" in title]


def test_longer_training_is_asked_for_more_bias():
    final = {"both, as in the report": {"worst_ratio": 4.5}, "both, as in the report, 5 epochs": {"worst_ratio": 3.0}}
    answers = answered("r4-norm-dropout", {}, final)
    brief, whole = (answers.setting(label).config for label in reversed(final))
    assert attrs.evolve(brief, epochs=whole.epochs) == whole
    *_, longer = verdicts(answers, "R4 l.449")
    assert longer[2] == 1


def test_what_r4_shows_without_a_word_is_expected():
    for claim in get("r4-norm-dropout").claims:
        if "CNN" in claim.text:
            assert claim.says.startswith("expected")
            assert "436" not in claim.line


@pytest.mark.parametrize(("most", "said"), [(0.02, "lies between them: the verdict rests"), (0.005, "lies outside")])
def test_the_sine_says_what_the_number_of_points_does(most, said):
    errors = {"leaky ReLU, 800 epochs": 0.004, "leaky ReLU, 200 points": most, "leaky ReLU, 5,000 points": 0.002}
    answers = answered("r4-sine", {}, {label: {"error": error} for label, error in errors.items()})
    [sentence] = answers.study.remarks(answers)
    assert f"{most + 0.001:.5f} with 200 points and 0.00300 with 5,000" in sentence
    assert said in sentence
    assert not answers.study.remarks(answered("r4-sine", {}, {"leaky ReLU, 200 points": {"error": most}}))


def test_r1_says_whose_loss_its_curve_is():
    for study in studies().values():
        if study.report == "R1":
            words = [
                claim.measure(study).title if not isinstance(claim, Statement) else claim.by for claim in study.claims
            ]
            assert any("training loss" in word for word in words) == ("one example of" in study.notes), study.name
