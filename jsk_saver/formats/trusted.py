"""What a ``.skops`` file may hold without the caller's word for it, and in which role.

A skops file names the classes and functions it is made of, and skops looks each of them up. Its own list
covers scikit-learn's public estimators and the ufuncs; this is the rest of what scikit-learn's models are
made of, reviewed name by name. There is no rule by prefix: a name that is not here is refused.

How the list was made: every estimator of scikit-learn 1.9 was fitted, with its losses, kernels, metrics,
solvers, splitters and scorers, and saved with skops 0.16; each name that skops did not trust by itself was
then read in the source of its package. Kept is what only holds numbers or computes with them. Left out is
what could run code, open a file, or reach beyond its arrays:

- distributions of :mod:`scipy.stats`: their ``__setstate__`` runs ``exec`` on text from the file;
- ``PyFuncDistance``, bound methods, ``operator.methodcaller``: they call what the file names;
- ``numpy.load``, ``numpy.fromfile``, ``numpy.apply_along_axis`` and everything else in NumPy that opens
  files or calls functions.

A name in the list can only appear in the *roles* given to it here. Without that, a crafted file could have
skops call a trusted function with arguments of its choice, where a real file only mentions it. The classes
implemented in C that index memory by numbers from the file are checked in :mod:`jsk_saver.formats.sound`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

#: Rebuilt without being called: ``__new__``, then the attributes. Mentioned as a class, too.
_OBJECTS = {
    "sklearn._loss.link": "HalfLogitLink IdentityLink Interval LogLink LogitLink MultinomialLogit",
    "sklearn._loss.loss": """AbsoluteError ExponentialLoss HalfBinomialLoss HalfGammaLoss HalfMultinomialLoss
        HalfPoissonLoss HalfSquaredError HalfTweedieLoss HalfTweedieLossIdentity HuberLoss PinballLoss""",
    "sklearn.calibration": "_CalibratedClassifier _SigmoidCalibration _TemperatureScaling",
    "sklearn.cluster._bisect_k_means": "_BisectingTree",
    "sklearn.compose._column_transformer": "_RemainderColsList make_column_selector",
    "sklearn.ensemble._hist_gradient_boosting.binning": "_BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor": "TreePredictor",
    "sklearn.gaussian_process._gpc": "_BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels": """CompoundKernel ConstantKernel DotProduct ExpSineSquared
        Exponentiation Matern PairwiseKernel Product RBF RationalQuadratic Sum WhiteKernel""",
    "sklearn.impute._iterative": "IterativeImputer",
    "sklearn.metrics._scorer": "_CurveScorer _MultimetricScorer _PassthroughScorer _Scorer",
    "sklearn.model_selection._search_successive_halving": "HalvingGridSearchCV HalvingRandomSearchCV",
    "sklearn.model_selection._split": """GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut LeaveOneOut
        LeavePGroupsOut LeavePOut PredefinedSplit RepeatedKFold RepeatedStratifiedKFold ShuffleSplit
        StratifiedGroupKFold StratifiedKFold StratifiedShuffleSplit TimeSeriesSplit _CVIterableWrapper""",
    "sklearn.multiclass": "_ConstantPredictor",
    "sklearn.neighbors._ball_tree": "BallTree BallTree32 BallTree64",
    "sklearn.neighbors._kd_tree": "KDTree KDTree32 KDTree64",
    "sklearn.neural_network._stochastic_optimizers": "AdamOptimizer SGDOptimizer",
    "sklearn.utils._metadata_requests": "MetadataRequest MethodMetadataRequest",
    "scipy.interpolate._bsplines": "BSpline",
}
#: Distances carry a suffix for the precision they compute in.
_DISTANCES = """BrayCurtis Canberra Chebyshev Dice Euclidean Hamming Haversine Jaccard Kulsinski Mahalanobis
    Manhattan Matching Minkowski RogersTanimoto RussellRao SEuclidean SokalMichener SokalSneath WMinkowski"""

#: Mentioned only, never called on loading.
_FUNCTIONS = {
    "numpy": """amax amin argmax argmin array around asarray ascontiguousarray asfortranarray atleast_1d
        atleast_2d average clip concatenate cumprod cumsum diff flip hstack max mean median min nan_to_num
        nanmax nanmean nanmedian nanmin nanstd nansum nanvar percentile prod quantile ravel reshape round
        squeeze std sum transpose var vstack where""",
    "scipy._lib.array_api_compat.numpy._aliases": "asarray",
    "sklearn.cluster._kmeans": "_kmeans_single_elkan _kmeans_single_lloyd",
    "sklearn.feature_selection._mutual_info": "mutual_info_classif mutual_info_regression",
    "sklearn.feature_selection._univariate_selection": "chi2 f_classif f_oneway f_regression r_regression",
    "sklearn.metrics._classification": """accuracy_score balanced_accuracy_score brier_score_loss
        cohen_kappa_score d2_brier_score d2_log_loss_score f1_score fbeta_score hamming_loss hinge_loss
        jaccard_score log_loss matthews_corrcoef precision_score recall_score zero_one_loss""",
    "sklearn.metrics._ranking": """average_precision_score coverage_error dcg_score
        label_ranking_average_precision_score label_ranking_loss ndcg_score roc_auc_score
        top_k_accuracy_score""",
    "sklearn.metrics._regression": """d2_absolute_error_score d2_pinball_score d2_tweedie_score
        explained_variance_score max_error mean_absolute_error mean_absolute_percentage_error
        mean_gamma_deviance mean_pinball_loss mean_poisson_deviance mean_squared_error
        mean_squared_log_error mean_tweedie_deviance median_absolute_error r2_score
        root_mean_squared_error root_mean_squared_log_error""",
    "sklearn.metrics._scorer": "negative_likelihood_ratio positive_likelihood_ratio",
    "sklearn.metrics.cluster._supervised": """adjusted_mutual_info_score adjusted_rand_score
        completeness_score fowlkes_mallows_score homogeneity_score mutual_info_score
        normalized_mutual_info_score rand_score v_measure_score""",
    "sklearn.metrics.cluster._unsupervised": """calinski_harabasz_score davies_bouldin_score
        silhouette_score""",
    "sklearn.metrics.pairwise": """additive_chi2_kernel chi2_kernel cosine_distances cosine_similarity
        euclidean_distances haversine_distances laplacian_kernel linear_kernel manhattan_distances
        nan_euclidean_distances polynomial_kernel rbf_kernel sigmoid_kernel""",
    "sklearn.utils.validation": "check_array",
}

#: Read by SciPy from an npz file without pickle.
_SPARSE = {
    "scipy.sparse._bsr": "bsr_array bsr_matrix",
    "scipy.sparse._coo": "coo_array coo_matrix",
    "scipy.sparse._csc": "csc_array csc_matrix",
    "scipy.sparse._csr": "csr_array csr_matrix",
    "scipy.sparse._dia": "dia_array dia_matrix",
}

#: Losses in C: called with the numbers that define them, such as a quantile.
_LOSSES = {
    "sklearn._loss._loss": """CyAbsoluteError CyExponentialLoss CyHalfBinomialLoss CyHalfGammaLoss
        CyHalfMultinomialLoss CyHalfPoissonLoss CyHalfSquaredError CyHalfTweedieLoss
        CyHalfTweedieLossIdentity CyHuberLoss CyPinballLoss""",
}

#: The few that stand alone, each with the one role it has in a real file.
_SINGLE = {
    "sklearn.tree._tree.Tree": "TreeNode",
    "sklearn.utils._bunch.Bunch": "DictNode",
    "sklearn.impute._iterative._ImputerTriplet": "TupleNode",
    "numpy.dtype": "DTypeNode",
    "numpy.number": "TypeNode",
    "builtins.object": "TypeNode",
    "builtins.frozenset": "ConstructorFromReduceNode",
    "builtins.range": "ConstructorFromReduceNode",
    "functools.partial": "PartialNode",
}


def _roles() -> dict[str, frozenset[str]]:
    roles = {name: frozenset({role}) for name, role in _SINGLE.items()}
    families: list[tuple[dict[str, str], tuple[str, ...]]] = [
        (_OBJECTS, ("ObjectNode", "TypeNode")),
        (_FUNCTIONS, ("FunctionNode", "TypeNode")),
        (_SPARSE, ("SparseMatrixNode",)),
        (_LOSSES, ("LossNode",)),
    ]
    for family, loaders in families:
        for module, names in family.items():
            roles.update({f"{module}.{name}": frozenset(loaders) for name in names.split()})
    for name in _DISTANCES.split():
        for precision in ("", "32", "64"):
            roles[f"sklearn.metrics._dist_metrics.{name}Distance{precision}"] = frozenset({"ObjectNode"})
    return roles


#: Each reviewed name, and the skops loaders it may appear with.
ROLES: dict[str, frozenset[str]] = _roles()


def untrusted(found: Iterable[str], trusted: Iterable[str]) -> list[str]:
    """Return the names in ``found`` that neither the review nor the caller trusts, sorted."""
    return sorted(set(found) - ROLES.keys() - set(trusted))


def misused(schema: Any) -> str:
    """Return the first reviewed name that a file uses in another role; empty if there is none.

    Parameters
    ----------
    schema
        The parsed ``schema.json`` of a skops file.

    Examples
    --------
    >>> misused({"__module__": "numpy", "__class__": "mean", "__loader__": "FunctionNode"})
    ''
    >>> misused({"__module__": "numpy", "__class__": "mean", "__loader__": "ConstructorFromReduceNode"})
    'numpy.mean as ConstructorFromReduceNode'
    """
    rest = [schema]
    while rest:
        part = rest.pop()
        if isinstance(part, dict):
            rest.extend(part.values())
            name = f"{part.get('__module__')}.{part.get('__class__')}"
            if name in ROLES and "__loader__" in part and part["__loader__"] not in ROLES[name]:
                return f"{name} as {part['__loader__']}"
        elif isinstance(part, list):
            rest.extend(part)
    return ""


def reason(name: str) -> str:
    """Return why a name is left out, for messages; empty if nobody has looked at it."""
    if name.startswith("scipy.stats."):
        return "rebuilds itself with exec() of text from the file"
    if "PyFuncDistance" in name or name == "operator.methodcaller":
        return "calls a function that the file names"
    return ""
