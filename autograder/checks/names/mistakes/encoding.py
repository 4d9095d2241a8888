"""What people get wrong in turning names into a padded array of numbers."""

from autograder.checks.mistakes import Mistake

_ID = "alphabet.index(letter) + 1 if letter in alphabet else len(alphabet) + 1"
_KNOWN = "[sum(c in alphabet for c in name) for name in names]"

ENCODE = (
    Mistake(
        "padding-is-a-letter",
        _ID,
        "alphabet.index(letter) if letter in alphabet else len(alphabet)",
        "The first letter of the alphabet has id 0, and so has the padding. The network cannot tell one from the "
        "other: let the letters begin at 1.",
        "sec-rnn-mask",
    ),
    Mistake(
        "unknown-as-padding",
        _ID,
        "alphabet.index(letter) + 1 if letter in alphabet else 0",
        "An unknown letter gets the padding's id, as if the name had a hole. It is there, only not known: it has an id "
        "of its own, behind the last letter's.",
        "sec-rnn-mask",
    ),
    Mistake(
        "unknown-as-the-last-letter",
        _ID,
        "alphabet.index(letter) + 1 if letter in alphabet else len(alphabet)",
        "An unknown letter gets the id of the alphabet's last letter. Counting from 1, that one has as its id the "
        "alphabet's length; the next number is free.",
        "sec-rnn-mask",
    ),
    Mistake(
        "unknown-letters-dropped",
        'names = text.lower().split("\\n")',
        'names = ["".join(c for c in name if c in alphabet) for name in text.lower().split("\\n")]',
        "Unknown letters are left out, so that the name becomes shorter and its other letters move up. Keep their "
        "place.",
        "sec-rnn-mask",
    ),
    Mistake(
        "capitals-unknown",
        "text.lower()",
        "text",
        "A capital counts as an unknown letter. Fold the text to lower case first.",
        "sec-rnn-mask",
    ),
    Mistake(
        "cut-at-spaces",
        '.split("\\n")',
        ".split()",
        "split() without an argument cuts at every space and drops empty lines. Then names and labels no longer belong "
        "together: cut at line ends only.",
        "sec-seq-batch",
    ),
    Mistake(
        "empty-lines-dropped",
        'names = text.lower().split("\\n")',
        'names = [name for name in text.lower().split("\\n") if name]',
        "An empty line is left out, and every name after it moves to its neighbour's label. It is a name of length 0.",
        "sec-seq-batch",
    ),
    Mistake(
        "sorted-by-length",
        'names = text.lower().split("\\n")',
        'names = sorted(text.lower().split("\\n"), key=len, reverse=True)',
        "The names are sorted by length, their labels are not. Keep the order of the lines; whoever packs sorts, and "
        "sorts back.",
        "sec-deep-equal",
    ),
    Mistake(
        "batch-first",
        "return ids, ",
        "return ids.T, ",
        "The array is transposed: names run along the rows. This course has time first, (T, B).",
        "sec-seq-batch",
        elsewhere={"tensorflow": ("tf.constant(ids)", "tf.constant(ids.T)")},
    ),
    Mistake(
        "padded-on-the-left",
        "ids[t, beta]",
        "ids[max(lengths) - len(name) + t, beta]",
        "The names stand at the bottom of the array and the padding above them. Here padding stands behind a name.",
        "sec-deep-equal",
        elsewhere={"tensorflow": ("ids[t, beta]", "ids[max(lengths) - len(name) + t, beta]")},
    ),
    Mistake(
        "letters-reversed",
        "ids[t, beta]",
        "ids[len(name) - 1 - t, beta]",
        "The letters stand in reverse order. The first letter of a name is at t = 0.",
        "sec-seq-batch",
        elsewhere={"tensorflow": ("ids[t, beta]", "ids[len(name) - 1 - t, beta]")},
    ),
    Mistake(
        "everybody-as-long-as-the-longest",
        "return ids, np.array(lengths)",
        "return ids, np.array([max(lengths)] * len(lengths))",
        "Every length is that of the longest name: the padding is counted. Count each name's own letters.",
        "sec-rnn-mask",
        elsewhere={
            "pytorch": ("torch.tensor(lengths)", "torch.tensor([max(lengths)] * len(lengths))"),
            "tensorflow": ("tf.constant(lengths,", "tf.constant([max(lengths)] * len(lengths),"),
        },
    ),
    Mistake(
        "index-for-length",
        "return ids, np.array(lengths)",
        "return ids, np.array(lengths) - 1",
        "These are the places of the last letters, counting from 0. A length is one more.",
        "sec-rnn-mask",
        elsewhere={
            "pytorch": ("torch.tensor(lengths)", "torch.tensor(lengths) - 1"),
            "tensorflow": ("tf.constant(lengths, tf.int64)", "tf.constant(lengths, tf.int64) - 1"),
        },
    ),
    Mistake(
        "known-letters-counted",
        "return ids, np.array(lengths)",
        f"return ids, np.array({_KNOWN})",
        "Only known letters are counted as the name's length. An unknown letter is a letter.",
        "sec-rnn-mask",
        elsewhere={
            "pytorch": ("torch.tensor(lengths)", f"torch.tensor({_KNOWN})"),
            "tensorflow": ("tf.constant(lengths,", f"tf.constant({_KNOWN},"),
        },
    ),
    Mistake(
        "one-step-too-many",
        "(max(lengths), ",
        "(max(lengths) + 1, ",
        "The array has a row in which no name has a letter. T is the length of the longest name.",
        "sec-rnn-mask",
    ),
    Mistake(
        "ids-as-floats",
        "dtype=np.int64",
        "dtype=np.float64",
        "The ids are floating-point numbers. They are places in a table, and an embedding can look up integers only.",
        "sec-seq-batch",
    ),
)
