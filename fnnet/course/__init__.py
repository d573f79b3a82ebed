"""A course in a box: eight files with blanks, and a grader that judges what stands in them by laws.

`fnnet course new DIR` writes the files, `fnnet grade FILE` judges one. A student's functions run in a process of their
own, see `fnnet.course.child`, which hands out arrays and nothing else; every judgement is made here, see
`fnnet.course.laws`, on sizes and numbers drawn from a key.

>>> from fnnet.course import assignments
>>> [assignment.name for assignment in assignments.ASSIGNMENTS][:3]
['1_dense', '2_back_propagation', '3_optimizers']
"""
