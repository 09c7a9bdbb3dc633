/// Jain's index: 1 if all have the same, 1/n if one has everything.
pub(super) fn jain(shares: &[f64]) -> f64 {
    let (sum, squares): (f64, f64) = (shares.iter().sum(), shares.iter().map(|share| share * share).sum());
    sum * sum / (shares.len() as f64 * squares)
}

/// Counts those that come after a greater one.
pub(super) fn out_of_order(numbers: &[usize]) -> usize {
    let mut greatest = None;
    let is_late = |number: &&usize| {
        let is_late = greatest > Some(**number);
        greatest = greatest.max(Some(**number));
        is_late
    };
    numbers.iter().filter(is_late).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_one_for_equals_and_least_for_one_who_has_all() {
        assert!((jain(&[3.0, 3.0, 3.0]) - 1.0).abs() < 1e-9);
        assert!((jain(&[5.0, 0.0, 0.0, 0.0]) - 0.25).abs() < 1e-9);
    }

    #[test]
    fn whoever_was_overtaken_is_out_of_order() {
        assert_eq!(out_of_order(&[0, 1, 2, 3]), 0);
        assert_eq!(out_of_order(&[3, 0, 1, 2]), 3);
        assert_eq!(out_of_order(&[1, 0, 3, 2]), 2);
    }
}
