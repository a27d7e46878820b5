//! What is multiplied: numbers that are numbers by how they are written. A text times a number makes so
//! many of it, and where the number stands in a line, that line asks for any amount of memory.

use vrl::parser::ast::{
    Assignment, Block, Container, Expr, FunctionCall, IfStatement, Op, Opcode, Predicate, QueryTarget, RootExpr, Unary,
};

/// Functions that give numbers and nothing else.
const NUMBERS: [&str; 17] = [
    "abs",
    "ceil",
    "float",
    "floor",
    "int",
    "ip_aton",
    "length",
    "mod",
    "parse_bytes",
    "parse_duration",
    "parse_float",
    "parse_int",
    "round",
    "strlen",
    "to_float",
    "to_int",
    "to_unix_timestamp",
];

/// # Errors
/// Names the first product of what may be a text.
pub(super) fn check(source: &str) -> Result<(), String> {
    // What cannot be parsed is said by the compiler.
    let Ok(program) = vrl::parser::parse(source) else {
        return Ok(());
    };
    for root in program.iter() {
        if let RootExpr::Expr(expression) = root.inner() {
            walk(expression)?;
        }
    }
    Ok(())
}

fn walk(expression: &Expr) -> Result<(), String> {
    match expression {
        Expr::Container(container) => in_container(container),
        Expr::IfStatement(statement) => in_statement(statement),
        Expr::Op(op) => in_op(op),
        Expr::Assignment(assignment) => match assignment.inner() {
            Assignment::Single { expr, .. } | Assignment::Infallible { expr, .. } => walk(expr),
        },
        Expr::Query(query) => match query.target.inner() {
            QueryTarget::FunctionCall(call) => in_call(call),
            QueryTarget::Container(container) => in_container(container),
            QueryTarget::Internal(_) | QueryTarget::External(_) => Ok(()),
        },
        Expr::FunctionCall(call) => in_call(call),
        Expr::Unary(unary) => {
            let Unary::Not(not) = unary.inner();
            walk(&not.inner().clone().take().1)
        }
        Expr::Abort(abort) => abort.message.as_deref().map_or(Ok(()), |message| walk(message)),
        Expr::Return(given) => walk(&given.expr),
        Expr::Literal(_) | Expr::Variable(_) | Expr::Break(_) => Ok(()),
    }
}

fn in_op(op: &Op) -> Result<(), String> {
    let Op(left, operator, right) = op;
    if *operator.inner() == Opcode::Mul && !(is_number(left) && is_number(right)) {
        return Err(format!(
            "vrl: `{op}`: a text times a number makes so many of it; write what is multiplied as `to_int!(…)`, `to_float!(…)`, `int(…)` or `float(…)`"
        ));
    }
    walk(left)?;
    walk(right)
}

fn in_container(container: &Container) -> Result<(), String> {
    match container {
        Container::Group(group) => walk(&group.inner().clone().into_inner()),
        Container::Block(block) => in_block(block),
        Container::Array(array) => array.inner().clone().into_iter().try_for_each(|item| walk(&item)),
        Container::Object(object) => object.inner().clone().into_iter().try_for_each(|(_, item)| walk(&item)),
    }
}

fn in_block(block: &Block) -> Result<(), String> {
    block.0.iter().try_for_each(|expression| walk(expression))
}

fn in_statement(statement: &IfStatement) -> Result<(), String> {
    match statement.predicate.inner() {
        Predicate::One(expression) => walk(expression)?,
        Predicate::Many(expressions) => expressions.iter().try_for_each(|expression| walk(expression))?,
    }
    in_block(&statement.if_node)?;
    statement.else_node.as_ref().map_or(Ok(()), |block| in_block(block))
}

fn in_call(call: &FunctionCall) -> Result<(), String> {
    call.arguments.iter().try_for_each(|argument| walk(&argument.expr))?;
    call.closure.as_ref().map_or(Ok(()), |closure| in_block(&closure.block))
}

/// Whether this is a number, or fails.
fn is_number(expression: &Expr) -> bool {
    use vrl::parser::ast::Literal;
    match expression {
        Expr::Literal(literal) => matches!(literal.inner(), Literal::Integer(_) | Literal::Float(_)),
        Expr::FunctionCall(call) => NUMBERS.contains(&&**call.ident.inner()),
        Expr::Container(container) => match container.inner() {
            Container::Group(group) => is_number(&group.inner().clone().into_inner()),
            _ => false,
        },
        Expr::Op(op) => {
            let Op(left, operator, right) = op.inner();
            match operator.inner() {
                // There is no other quotient or difference.
                Opcode::Div | Opcode::Sub => true,
                Opcode::Mul | Opcode::Add | Opcode::Err => is_number(left) && is_number(right),
                _ => false,
            }
        }
        _ => false,
    }
}
