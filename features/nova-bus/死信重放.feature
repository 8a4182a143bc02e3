# language: zh-CN
功能: 死信重放

  关系服务说不出某个用户有哪些粉丝时，该用户的帖子在询问三次之后进入死信主题，不阻塞其他人；修复之后请求重放，记录按原样回到原主题，
  每个死信至多重放一次。

  背景:
    假如系统正在运行

  场景: 查不到粉丝的帖子进入死信主题，修复并重放后只生效一次
    假如用户"bob"关注了用户"alice"
    并且执行操作"break followers"
      | user | {alice} |
    当用户"alice"的帖子事件"帖子"直接发布到主题
    那么该事件在5秒内进入死信主题
    当执行操作"mend followers"
      | user | {alice} |
    并且执行操作"replay the dead letters of feed-service"
      | event | {帖子.id} |
    那么用户"bob"的动态在20秒内显示帖子"帖子"
    当执行操作"replay what feed-service has replayed"
      | event | {帖子.id} |
    那么服务"feed-service"只处理"帖子"一次

  场景: 其间已经生效的帖子在重放后不会再次生效
    假如用户"bob"关注了用户"alice"
    并且执行操作"break followers"
      | user | {alice} |
    当用户"alice"的帖子事件"帖子"直接发布到主题
    那么该事件在5秒内进入死信主题
    当执行操作"mend followers"
      | user | {alice} |
    并且"帖子"再次发布1次
    那么用户"bob"的动态在20秒内显示帖子"帖子"
    当执行操作"replay the dead letters of feed-service"
      | event | {帖子.id} |
    那么服务"feed-service"只处理"帖子"一次
