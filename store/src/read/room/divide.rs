//! A number divided in proportion to weights, so that the parts sum up to it exactly.

/// `total` in proportion to `weights`; equally where all of them are 0. Each part is off by less than one.
pub(super) fn divide(total: u64, weights: &[u64]) -> Vec<u64> {
    let sum: u128 = weights.iter().map(|&weight| u128::from(weight)).sum();
    if sum == 0 {
        return match weights.is_empty() {
            true => Vec::new(),
            false => divide(total, &vec![1; weights.len()]),
        };
    }
    let mut before = 0_u128;
    let mut given = 0_u64;
    weights
        .iter()
        .map(|&weight| {
            before += u128::from(weight);
            // No more than `total`, which is a u64; what is above a u128 is above any disk.
            let up_to = (u128::from(total).saturating_mul(before) / sum) as u64;
            std::mem::replace(&mut given, up_to).abs_diff(up_to)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::divide;

    #[test]
    fn parts_are_in_proportion() {
        assert_eq!(divide(100, &[1, 3]), [25, 75]);
        assert_eq!(divide(7, &[0, 0]), [3, 4]);
        assert_eq!(divide(7, &[0, 5, 0]), [0, 7, 0]);
        assert!(divide(7, &[]).is_empty());
    }

    proptest! {
        #[test]
        fn parts_sum_up_to_the_whole(total in 0..u64::MAX >> 8, weights in prop::collection::vec(0..1_u64 << 40, 1..50)) {
            let parts = divide(total, &weights);
            prop_assert_eq!(parts.iter().sum::<u64>(), total);
            let sum: u64 = weights.iter().sum();
            for (part, weight) in parts.iter().zip(&weights).filter(|_| sum > 0) {
                let exact = total as f64 * *weight as f64 / sum as f64;
                prop_assert!((*part as f64 - exact).abs() <= 1.0 + exact * 1e-9, "{} {}", part, exact);
            }
        }
    }
}
