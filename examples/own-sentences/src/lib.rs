//! Sentences of a shop's own.
//!
//! Two of them: one acts (a basket of orders is published), one expects (the orders of a customer cost so much together),
//! with an oracle of its own. docs/library.md walks through them.

mod costs;

use eventproof_evidence::{Proof, Reason, Verdict};
use eventproof_scenarios::catalogue::Form;
use eventproof_scenarios::own::{Disturbs, OwnSentence, Scene};
use eventproof_scenarios::own_sentence;

use costs::Costs;

own_sentence!(OwnSentence {
    name: "basket-is-ordered",
    meaning: "Publishes so many orders of one customer, each at the same price.",
    observes: "the broker's acknowledgement of each",
    proves: "that they are on the topic",
    cannot_prove: "that anybody delivers them",
    table: "",
    example: "When 3 orders of \"ann\" are placed at 20 each",
    forms: &[
        Form { language: "en", expression: "{times:count} orders of {who:identity} are placed at {price:count} each" },
        Form { language: "zh-CN", expression: "{who:identity}下了{times:count}个单价{price:count}的订单" },
    ],
    disturbs: Disturbs::Nothing,
    carry_out: |scene| Box::pin(order_basket(scene)),
});

own_sentence!(OwnSentence {
    name: "orders-cost",
    meaning: "The orders of a customer that were seen cost so much together.",
    observes: "the customer's orders on their topic, since the scenario began",
    proves: "the sum of what was seen within the limit; more than it at once, less only when the limit is over",
    cannot_prove: "that no further order comes later",
    table: "",
    example: "Then the orders of \"ann\" cost 60 within 5s",
    forms: &[
        Form { language: "en", expression: "the orders of {who:identity} cost {sum:count} within {limit:duration}" },
        Form { language: "zh-CN", expression: "{who:identity}的订单在{limit:duration}内共计{sum:count}" },
    ],
    disturbs: Disturbs::Nothing,
    carry_out: |scene| Box::pin(cost(scene)),
});

const ORDER: &str = "order.placed";

async fn order_basket(mut scene: Scene<'_>) -> Result<Verdict, Verdict> {
    let (times, price) = (scene.arguments().count("times"), scene.arguments().count("price"));
    let (times, price) = (times.unwrap_or_default(), price.unwrap_or_default());
    // A sentence may assert what it takes for granted: a panic leaves its scenario without a verdict.
    assert!(price > 0, "an order costs something");
    let customer = customer(&mut scene);
    let fields = [("customer".to_owned(), customer), ("total".to_owned(), price.to_string())];
    for _ in 0..times {
        let published = scene.publish(ORDER, &fields, None).await?;
        if !published.is_held() {
            return Err(published);
        }
    }
    Ok(Verdict::Held(Proof::of(format!("{times} orders were acknowledged"))))
}

async fn cost(mut scene: Scene<'_>) -> Result<Verdict, Verdict> {
    let sum = scene.arguments().count("sum").unwrap_or_default() as u64;
    let limit = scene.arguments().duration("limit").unwrap_or_default();
    let customer = customer(&mut scene);
    let Some(message) = scene.contract().message(ORDER) else {
        let detail = format!("the contract has no message \"{ORDER}\"");
        return Err(Verdict::CannotTell(Reason::Environment { detail }));
    };
    let oracle = Costs::new(&message.topic, &customer, sum, scene.now(), limit);
    Ok(scene.judge(oracle).await)
}

/// Whoever is named so in this scenario, and in no other.
fn customer(scene: &mut Scene<'_>) -> String {
    let name = scene.arguments().text("who").unwrap_or_default().to_owned();
    scene.identity(&name)
}
